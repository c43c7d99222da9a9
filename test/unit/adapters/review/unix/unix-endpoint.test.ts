import { chmod, chown, rename, rm, symlink } from "node:fs/promises";
import { createServer as createTlsServer } from "node:tls";
import { describe, expect, it } from "vitest";
import type { PemMaterial } from "../../../../../src/adapters/certificates/pem-files.ts";
import { grpcReviewClient, type GrpcReviewClient } from "../../../../../src/adapters/review/grpc-review-client.ts";
import { systemSocketFacts, type SocketFacts } from "../../../../../src/adapters/review/unix/socket-facts.ts";
import type { UnixTrust } from "../../../../../src/adapters/review/unix/unix-guard.ts";
import { systemClock } from "../../../../../src/adapters/system/clock.ts";
import { CancelSource } from "../../../../../src/model/cancel.ts";
import { err, ok } from "../../../../../src/model/result.ts";
import { Secret } from "../../../../../src/model/secret.ts";
import { bindingPlan } from "../../../../support/binding-plan.ts";
import { testCertificates, type TestCertificate } from "../../../../support/certificates.ts";
import { Events } from "../../../../support/events.ts";
import { exchangeOf } from "../../../../support/exchange.ts";
import { MemoryLog } from "../../../../support/memory-log.ts";
import { allowing, describing, testInterceptor } from "../../../../support/test-interceptor.ts";
import { NO_TRUSTED_PLACE, trustedDirectory } from "../../../../support/trusted-directory.ts";
import { unixPeer, type UnixPeer } from "../../../../support/unix-peer.ts";

const SUBJECT = {
  exchange: exchangeOf(),
  route: { name: "main", labels: {} },
  requestBody: undefined,
  responseBody: undefined,
  outcome: undefined,
};
const HIDDEN = { headers: new Set<string>(), query: new Set<string>() };
const OURS: UnixTrust = { trustedUids: undefined, trustedGids: [], peerCredentials: "if-available" };
const STRANGER = 54_321;
const IS_ROOT = process.geteuid?.() === 0;

const facts = systemSocketFacts();
const certificates = await testCertificates();
const allowAll = describing({}, ({ reviewId }) => allowing(reviewId));
const pems = (ca: string, { cert, key }: TestCertificate): PemMaterial => ({
  caPem: ca,
  pair: { certPem: cert, keyPem: new Secret(key) },
});
const OUR_PEMS = pems(certificates.ca, await certificates.client("gateway"));

/** A client of a socket, and what it wrote to the log. */
function client(
  path: string,
  parts: { readonly trust?: Partial<UnixTrust>; readonly sockets?: SocketFacts; readonly tls?: PemMaterial } = {},
): GrpcReviewClient & { readonly log: MemoryLog } {
  const log = new MemoryLog();
  const tls = parts.tls && { serverName: "localhost" };
  const made = grpcReviewClient(
    {
      name: "tenancy",
      endpoints: [{ kind: "unix", path, tls, trust: { ...OURS, ...parts.trust }, url: `unix://${path}` }],
      tls: parts.tls,
      gatewayId: "gw",
      gatewayVersion: "0.0.0",
      maxConcurrentReviews: 10,
      maxPendingReviews: 10,
    },
    { clock: systemClock(), log, ...(parts.sockets && { sockets: parts.sockets }) },
  );
  return { ...made, log };
}

const ask = (from: GrpcReviewClient) =>
  from.reviewer(bindingPlan(), HIDDEN)(SUBJECT, { reviewId: "r", grantMs: 3_000, cancel: new CancelSource() });

/** The machine's facts, with a step at the n-th look at one path: before it, or after. */
function stepping(
  path: string,
  look: number,
  steps: { readonly before?: () => Promise<void>; readonly after?: () => Promise<void> },
): SocketFacts {
  let looks = 0;
  return {
    ...facts,
    async lstat(at) {
      if (at !== path) return facts.lstat(at);
      looks += 1;
      const isTheOne = looks === look;
      if (isTheOne) await steps.before?.();
      const found = await facts.lstat(at);
      if (isTheOne) await steps.after?.();
      return found;
    },
  };
}

/** What a row does to a socket somebody listens on, and how the client is made. */
interface Row {
  readonly what: string;
  readonly reason: RegExp;
  readonly path?: (peer: UnixPeer) => string;
  readonly arrange?: (peer: UnixPeer, directory: string) => Promise<void>;
  readonly trust?: Partial<UnixTrust>;
  readonly sockets?: SocketFacts;
  readonly onlyRoot?: true;
  readonly needsPeerUid?: true;
}

const ROWS: readonly Row[] = [
  {
    what: "in a directory others may write to",
    reason: /directory .*is writable by others/,
    arrange: (_peer, directory) => chmod(directory, 0o777),
  },
  {
    what: "in a directory with the sticky bit",
    reason: /directory .*is writable by others/,
    arrange: (_peer, directory) => chmod(directory, 0o1777),
  },
  {
    what: "in a directory its group may write to",
    reason: /directory .*is writable by its group/,
    arrange: (_peer, directory) => chmod(directory, 0o770),
  },
  {
    what: "in a directory of a stranger",
    reason: /directory .*belongs to uid 54321/,
    arrange: (_peer, directory) => chown(directory, STRANGER, STRANGER),
    onlyRoot: true,
  },
  {
    what: "by a link to it",
    reason: /link: is a symbolic link/,
    path: (peer) => `${peer.path}.link`,
    arrange: (peer) => symlink(peer.path, `${peer.path}.link`),
  },
  {
    what: "by a link to its directory",
    reason: /directory .*link: is a symbolic link/,
    path: (peer) => `${peer.path}.link/s`,
    arrange: (peer, directory) => symlink(directory, `${peer.path}.link`),
  },
  { what: "that others may write to", reason: /is writable by others/, arrange: (peer) => chmod(peer.path, 0o666) },
  {
    what: "that its group may write to",
    reason: /is writable by group \d+, which is not in trusted_gids/,
    arrange: (peer) => chmod(peer.path, 0o660),
  },
  {
    what: "of a stranger",
    reason: /s: belongs to uid 54321, which is not in trusted_uids/,
    arrange: (peer) => chown(peer.path, STRANGER, STRANGER),
    onlyRoot: true,
  },
  {
    what: "whose trusted owner is not who listens",
    reason: /unix peer: listens as uid 0, which is not in trusted_uids/,
    arrange: (peer) => chown(peer.path, STRANGER, STRANGER),
    trust: { trustedUids: [STRANGER] },
    onlyRoot: true,
    needsPeerUid: true,
  },
  {
    what: "whose peer runs as somebody else",
    reason: /unix peer: listens as uid 54321/,
    sockets: { ...facts, peerUid: () => ok(STRANGER) },
  },
  {
    what: "whose peer could not be told for once",
    reason: /unix peer: no answer/,
    sockets: { ...facts, peerUid: () => err("no answer") },
  },
  {
    what: "whose peer cannot be told here, where that is required",
    reason: /peer_credentials is required/,
    sockets: { ...facts, peerUid: undefined },
    trust: { peerCredentials: "required" },
  },
  { what: "on a system whose files have no owners", reason: /belongs to uid/, sockets: { ...facts, ownUid: undefined } },
  { what: "by a relative path", reason: /is not absolute/, path: () => "s" },
  { what: "in the abstract namespace", reason: /abstract/, path: () => "\0tenancy" },
];

describe.skipIf(NO_TRUSTED_PLACE)("a unix endpoint, which needs a directory nobody else may write to (C39)", () => {
  for (const { what, reason, onlyRoot, needsPeerUid, ...row } of ROWS) {
    it.skipIf((onlyRoot === true && !IS_ROOT) || (needsPeerUid === true && facts.peerUid === undefined))(
      `tells nothing to a socket ${what}${onlyRoot ? " (needs root)" : ""}, and says why`,
      async () => {
        using place = trustedDirectory();
        await using peer = await unixPeer(place.file("s"));
        await row.arrange?.(peer, place.path);
        await using reached = client(row.path?.(peer) ?? peer.path, {
          ...(row.trust && { trust: row.trust }),
          ...(row.sockets && { sockets: row.sockets }),
        });
        expect(await ask(reached)).toMatchObject({
          ok: false,
          error: { kind: "unavailable", message: expect.stringMatching(reason) },
        });
        expect(reached.status()).toMatchObject({ connected: false, fault: expect.stringMatching(reason) });
        expect(reached.log.lines).toEqual([
          {
            level: "warn",
            event: "interceptor_refused",
            fields: { interceptor: "tenancy", endpoint: expect.stringMatching(/^unix:/), reason: expect.stringMatching(reason) },
          },
        ]);
        expect(peer.bytes).toBe(0);
      },
    );
  }

  it("says a refusal once, however often it is tried again", async () => {
    using place = trustedDirectory();
    await using peer = await unixPeer(place.file("s"));
    await chmod(peer.path, 0o666);
    const looks = new Events();
    const counting: SocketFacts = { ...facts, lstat: (path) => (path === peer.path && looks.add(), facts.lstat(path)) };
    await using reached = client(peer.path, { sockets: counting });
    await looks.reach(3);
    expect(await ask(reached)).toMatchObject({ ok: false });
    expect(reached.log.events).toEqual(["interceptor_refused"]);
  });

  it("tells nothing to a socket that took the place of the checked one before the connect", async () => {
    using place = trustedDirectory();
    await using checked = await unixPeer(place.file("s"));
    await using swapped = await unixPeer(place.file("t"));
    const sockets = stepping(checked.path, 1, { after: () => rename(swapped.path, checked.path) });
    await using reached = client(checked.path, { sockets });
    expect(await ask(reached)).toMatchObject({
      ok: false,
      error: { kind: "unavailable", message: expect.stringMatching(/s: was replaced while/) },
    });
    expect([checked.connections.count, swapped.connections.count]).toEqual([0, 1]);
    expect([checked.bytes, swapped.bytes]).toEqual([0, 0]);
  });

  it("tells nothing to a socket whose place was taken right after the connect", async () => {
    using place = trustedDirectory();
    await using checked = await unixPeer(place.file("s"));
    await using swapped = await unixPeer(place.file("t"));
    const sockets = stepping(checked.path, 2, { before: () => rename(swapped.path, checked.path) });
    await using reached = client(checked.path, { sockets });
    expect(await ask(reached)).toMatchObject({
      ok: false,
      error: { kind: "unavailable", message: expect.stringMatching(/s: was replaced while/) },
    });
    await checked.connections.reach(1);
    expect([checked.bytes, swapped.bytes, swapped.connections.count]).toEqual([0, 0, 0]);
  });

  it("tells nothing to a socket that is gone, or opened to others, right after the connect", async () => {
    using place = trustedDirectory();
    await using peer = await unixPeer(place.file("s"));
    await using opened = client(peer.path, { sockets: stepping(peer.path, 2, { before: () => chmod(peer.path, 0o666) }) });
    expect(await ask(opened)).toMatchObject({ ok: false, error: { message: expect.stringMatching(/writable by others/) } });
    await chmod(peer.path, 0o600);
    await using gone = client(peer.path, { sockets: stepping(peer.path, 2, { before: () => rm(peer.path) }) });
    expect(await ask(gone)).toMatchObject({ ok: false, error: { message: expect.stringMatching(/does not exist/) } });
    expect(peer.bytes).toBe(0);
  });

  it("survives a peer that hangs up while it is checked", async () => {
    using place = trustedDirectory();
    const hungUp = new Events();
    await using peer = await unixPeer(place.file("s"), (socket) => socket.on("close", hungUp.add).destroy());
    await using reached = client(peer.path, { sockets: stepping(peer.path, 2, { before: () => hungUp.reach(1) }) });
    expect(await ask(reached)).toMatchObject({ ok: false, error: { kind: "unavailable" } });
  });

  it("asks a service of ours, without TLS, and closes no door behind it", async () => {
    using place = trustedDirectory();
    await using service = await testInterceptor(allowAll, { path: place.file("s") });
    await using reached = client(place.file("s"), { trust: { trustedUids: [facts.ownUid ?? 0] } });
    expect(await ask(reached)).toMatchObject({ ok: true, value: { kind: "allow" } });
    expect(service.calls[0]?.headers[":authority"]).toBe("localhost");
    expect(reached.status()).toMatchObject({ connected: true, pendingReviews: 0 });
    expect(reached.log.events).toEqual(["interceptor_connected"]);
  });

  it("asks a service whose socket a trusted group may write to", async () => {
    using place = trustedDirectory();
    await using service = await testInterceptor(allowAll, { path: place.file("s") });
    await chmod(place.file("s"), 0o660);
    await using reached = client(place.file("s"), { trust: { trustedGids: [process.getegid?.() ?? 0] } });
    expect(await ask(reached)).toMatchObject({ ok: true });
    expect(service.calls).toHaveLength(1);
  });

  it("decides by the files alone where peers cannot be told", async () => {
    using place = trustedDirectory();
    await using service = await testInterceptor(allowAll, { path: place.file("s") });
    await using reached = client(place.file("s"), { sockets: { ...facts, peerUid: undefined } });
    expect(await ask(reached)).toMatchObject({ ok: true });
    expect(service.calls).toHaveLength(1);
  });

  it.skipIf(facts.peerUid === undefined)("asks with peer_credentials required (needs a Node with FFI, on Linux)", async () => {
    using place = trustedDirectory();
    await using service = await testInterceptor(allowAll, { path: place.file("s") });
    await using reached = client(place.file("s"), { trust: { peerCredentials: "required" } });
    expect(await ask(reached)).toMatchObject({ ok: true });
    expect(service.calls).toHaveLength(1);
  });

  it("asks over mutual TLS, by the name in the certificate", async () => {
    using place = trustedDirectory();
    const tls = { ca: certificates.ca, ...(await certificates.server()) };
    await using service = await testInterceptor(allowAll, { path: place.file("s"), tls });
    await using reached = client(place.file("s"), { tls: OUR_PEMS });
    expect(await ask(reached)).toMatchObject({ ok: true });
    expect(service.calls[0]?.headers[":authority"]).toBe("localhost");
  });

  it.each([
    ["signed by another authority", () => certificates.other.server("localhost")],
    ["for another name", () => certificates.server("somebody.else")],
  ])("tells nothing to a service of ours whose certificate is %s", async (_what, certificate) => {
    using place = trustedDirectory();
    let bytes = 0;
    const server = createTlsServer({ ...(await certificate()), ALPNProtocols: ["h2"] }, (socket) =>
      socket.on("error", () => {}).on("data", (chunk) => (bytes += chunk.length)),
    );
    server.on("tlsClientError", () => {});
    await new Promise<void>((resolve) => server.listen(place.file("s"), resolve));
    await chmod(place.file("s"), 0o600);
    await using reached = client(place.file("s"), { tls: OUR_PEMS });
    expect(await ask(reached)).toMatchObject({
      ok: false,
      error: { kind: "unavailable", message: expect.stringMatching(/certificate|altnames/) },
    });
    expect(reached.status().fault).toMatch(/^TLS: /);
    expect(bytes).toBe(0);
    server.close();
  });

  it("does not fall back to a service without TLS", async () => {
    using place = trustedDirectory();
    await using service = await testInterceptor(allowAll, { path: place.file("s") });
    await using reached = client(place.file("s"), { tls: OUR_PEMS });
    expect(await ask(reached)).toMatchObject({ ok: false, error: { kind: "unavailable" } });
    expect(service.calls).toHaveLength(0);
  });

  it("comes back to a restarted service, checked again, and not to a socket of another making", { timeout: 15_000 }, async () => {
    using place = trustedDirectory();
    const path = place.file("s");
    const first = await testInterceptor(allowAll, { path });
    await using reached = client(path);
    expect(await ask(reached)).toMatchObject({ ok: true });
    await first.kill();
    await using wrong = await unixPeer(place.file("t"));
    await chmod(wrong.path, 0o666);
    // its mode is wrong before it is there: a connect may come at any time
    await rename(wrong.path, path);
    await expect.poll(() => reached.status().fault, { timeout: 5_000 }).toMatch(/s: is writable by others/);
    expect(await ask(reached)).toMatchObject({
      ok: false,
      error: { kind: "unavailable", message: expect.stringMatching(/is writable by others/) },
    });
    expect([wrong.connections.count, wrong.bytes]).toEqual([0, 0]);
    await rm(path);
    await using second = await testInterceptor(allowAll, { path });
    await expect.poll(() => reached.status(), { timeout: 5_000 }).toMatchObject({ connected: true, pendingReviews: 0 });
    expect(await ask(reached)).toMatchObject({ ok: true });
    expect(second.calls).toHaveLength(1);
    expect(reached.log.events.at(-1)).toBe("interceptor_connected");
  });
});
