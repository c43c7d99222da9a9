import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  connect as connectTls,
  createSecureContext,
  createServer as createTlsServer,
  checkServerIdentity,
  type TLSSocket,
} from "node:tls";
import { connect, createServer, type AddressInfo } from "node:net";
import { Client, credentials, Server, ServerCredentials } from "@grpc/grpc-js";
import { describe, expect, it } from "vitest";
import type { ClientTls } from "@sallyport/lean-grpc/open-socket.ts";
import type { MethodHandler } from "@sallyport/lean-grpc/server.ts";
import { refusalReason } from "../../../src/adapters/review/refusal-reason.ts";
import { testCertificates, type TestCertificate } from "../../support/certificates.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { leanChannel, leanServer } from "./support.ts";

const { ca, server, client, expired, other } = await testCertificates();
const echo: Record<string, MethodHandler> = { "/t.T/Echo": (call, message) => call.answer(message) };

const clientTls = (
  own: TestCertificate | undefined,
  terms: { readonly ca?: string; readonly serverName?: string } = {},
): ClientTls => ({
  secureContext: createSecureContext({ ca: terms.ca ?? ca, ...own }),
  serverName: terms.serverName ?? "localhost",
  describe: refusalReason,
  checkServerIdentity,
});

const serverTls = (own: TestCertificate): object => ({ ...own, ca, requestCert: true, rejectUnauthorized: true });

/** A TLS server that notes every byte of the application it is sent. */
async function notingServer(tls: object): Promise<{ readonly port: number; readonly bytes: () => number } & Disposable> {
  let bytes = 0;
  const noting = createTlsServer({ ALPNProtocols: ["h2"], ...tls }, (socket) => {
    socket.on("error", () => {});
    socket.on("data", (chunk: Buffer) => (bytes += chunk.length));
  });
  noting.on("tlsClientError", () => {});
  await new Promise<void>((resolve) => noting.listen(0, "127.0.0.1", resolve));
  // a server bound to an address has one
  return { port: (noting.address() as AddressInfo).port, bytes: () => bytes, [Symbol.dispose]: () => void noting.close() };
}

const asIs = (bytes: Buffer): Buffer => bytes;

describe("mutual TLS", () => {
  it("between our client and our server carries calls", async () => {
    using service = await leanServer(echo, { tls: serverTls(await server()) });
    using caller = leanChannel(service.port, { tls: clientTls(await client()) });
    expect(await caller.call("/t.T/Echo", Buffer.alloc(300_000, 1))).toEqual({ kind: "reply", bytes: Buffer.alloc(300_000, 1) });
  });

  it("between our client and grpc-js's server", async () => {
    const service = new Server();
    service.addService(
      {
        Echo: {
          path: "/t.T/Echo",
          requestStream: false,
          responseStream: false,
          requestSerialize: asIs,
          requestDeserialize: asIs,
          responseSerialize: asIs,
          responseDeserialize: asIs,
        },
      },
      { Echo: (call: { request: Buffer }, done: (error: null, answer: Buffer) => void) => done(null, call.request) },
    );
    const own = await server();
    const secure = ServerCredentials.createSsl(
      Buffer.from(ca),
      [{ cert_chain: Buffer.from(own.cert), private_key: Buffer.from(own.key) }],
      true,
    );
    const port = await new Promise<number>((resolve) =>
      service.bindAsync("127.0.0.1:0", secure, (_error, bound) => resolve(bound)),
    );
    using caller = leanChannel(port, { tls: clientTls(await client()) });
    expect(await caller.call("/t.T/Echo", Buffer.from("a"))).toEqual({ kind: "reply", bytes: Buffer.from("a") });
    service.forceShutdown();
  });

  it("between grpc-js's client and our server, who sees its certificate", async () => {
    const names: unknown[] = [];
    using service = await leanServer(
      {
        "/t.T/Echo": (call, message) => {
          // of a TLS server, every socket is one
          names.push((call.socket as TLSSocket).getPeerCertificate().subject.CN);
          call.answer(message);
        },
      },
      { tls: serverTls(await server()) },
    );
    const own = await client();
    const caller = new Client(
      `localhost:${service.port}`,
      credentials.createSsl(Buffer.from(ca), Buffer.from(own.key), Buffer.from(own.cert)),
    );
    const reply = await new Promise((resolve) =>
      caller.makeUnaryRequest("/t.T/Echo", asIs, asIs, Buffer.from("a"), (error, bytes) => resolve(error ?? bytes)),
    );
    expect(reply).toEqual(Buffer.from("a"));
    expect(names).toEqual(["gateway"]);
    caller.close();
  });
});

describe("a server that is not trusted is refused with the reason, and told nothing", () => {
  it.each<[string, () => Promise<{ readonly tls: object; readonly client?: ClientTls }>, RegExp]>([
    [
      "another authority",
      async () => ({ tls: await other.server() }),
      /^refused: TLS: its certificate was not signed by an authority/,
    ],
    ["another name", async () => ({ tls: await server("elsewhere.test") }), /^refused: TLS: .*altnames/],
    ["a certificate that has expired", async () => ({ tls: await expired("server") }), /^refused: TLS: .*has expired/],
    [
      "a certificate for clients",
      async () => ({ tls: await client("localhost") }),
      /^refused: TLS: its certificate is not for servers/,
    ],
    ["HTTP/1.1 alone", async () => ({ tls: { ...(await server()), ALPNProtocols: ["http/1.1"] } }), /^refused: TLS: /],
    [
      "no ALPN",
      async () => ({ tls: { ...(await server()), ALPNProtocols: undefined } }),
      /^refused: TLS: the peer does not agree on HTTP\/2/,
    ],
  ])("%s", async (_name, terms, reason) => {
    const { tls } = await terms();
    using service = await notingServer(tls);
    using caller = leanChannel(service.port, { tls: clientTls(await client()) });
    expect(await caller.call("/t.T/Echo", Buffer.from("secret"))).toMatchObject({ status: { code: 14, cause: "unreachable" } });
    expect(caller.events[0]).toMatch(reason);
    expect(service.bytes()).toBe(0);
  });
});

describe("a client that is not trusted is refused, and no method is called", () => {
  it.each<[string, () => Promise<TestCertificate | undefined>, RegExp]>([
    ["no certificate", () => Promise.resolve(undefined), /^refused: TLS: it wants a certificate of ours/],
    ["another authority", () => other.client(), /^refused: TLS: the peer hung up right after the handshake/],
    ["a certificate that has expired", () => expired("client"), /^refused: TLS: the peer hung up right after the handshake/],
  ])("%s", async (_name, own, reason) => {
    let calls = 0;
    using service = await leanServer({ "/t.T/Echo": () => (calls += 1) }, { tls: serverTls(await server()) });
    using caller = leanChannel(service.port, { tls: clientTls(await own()) });
    expect(await caller.call("/t.T/Echo")).toMatchObject({ status: { code: 14, cause: "unreachable" } });
    expect(caller.events[0]).toMatch(reason);
    expect(calls).toBe(0);
  });

  it("nor one that does not ask for HTTP/2", async () => {
    using service = await leanServer(echo, { tls: { ...(await server()) } });
    const socket = connectTls({ port: service.port, host: "127.0.0.1", ca, servername: "localhost" });
    socket.on("error", () => {});
    socket.resume();
    await new Promise((resolve) => socket.once("close", resolve));
    using caller = leanChannel(service.port, { tls: clientTls(undefined) });
    expect(await caller.call("/t.T/Echo")).toMatchObject({ kind: "reply" });
  });
});

describe("a handshake that stalls", () => {
  it("on the server's side ends with the attempt, and the socket with it", async () => {
    const clock = new FakeClock();
    let ended = false;
    const service = createServer((socket) =>
      socket
        .on("error", () => {})
        .on("end", () => (ended = true))
        .resume(),
    );
    await new Promise<void>((resolve) => service.listen(0, "127.0.0.1", resolve));
    // a server bound to an address has one
    using caller = leanChannel((service.address() as AddressInfo).port, { tls: clientTls(undefined), timers: clock });
    const call = caller.call("/t.T/Echo");
    await new Promise((resolve) => setTimeout(resolve, 50));
    clock.advance(5_000);
    expect(await call).toMatchObject({ status: { cause: "unreachable" } });
    await expect.poll(() => ended).toBe(true);
    expect(caller.events).toEqual([]);
    service.close();
  });

  it("on the client's side does not hold up the end of a server", async () => {
    using service = await leanServer(echo, { tls: { ...(await server()) } });
    const socket = connect(service.port, "127.0.0.1");
    socket.on("error", () => {});
    socket.resume();
    const closed = new Promise((resolve) => socket.once("close", resolve));
    await new Promise((resolve) => socket.once("connect", resolve));
    using caller = leanChannel(service.port, { tls: clientTls(undefined) });
    expect(await caller.call("/t.T/Echo")).toMatchObject({ kind: "reply" });
    service.server.destroy();
    await closed;
  });
});

describe("certificates that are renewed", () => {
  it("are shown to new connections, while calls in flight finish", async () => {
    let finish = (): void => {};
    const names: unknown[] = [];
    using service = await leanServer(
      { ...echo, "/t.T/Hold": (call, message) => (finish = () => call.answer(message)) },
      { tls: serverTls(await server()) },
    );
    const own = clientTls(await client());
    const noting: ClientTls = {
      ...own,
      checkServerIdentity: (host, certificate) => {
        names.push(certificate.subject.CN);
        return checkServerIdentity(host, certificate);
      },
    };
    using first = leanChannel(service.port, { tls: noting });
    const held = first.call("/t.T/Hold", Buffer.from("a"));
    await expect.poll(() => first.events).toEqual(["ready"]);
    await first.call("/t.T/Echo");
    expect(() => service.server.renewTls({ cert: "none", key: "none" })).toThrow();
    service.server.renewTls({ ...(await server("renewed.test", "localhost")), ca });
    using second = leanChannel(service.port, { tls: noting });
    expect(await second.call("/t.T/Echo")).toMatchObject({ kind: "reply" });
    finish();
    expect(await held).toMatchObject({ kind: "reply" });
    expect(names).toEqual(["localhost", "renewed.test"]);
    // our own is still asked for
    using stranger = leanChannel(service.port, { tls: clientTls(undefined) });
    expect(await stranger.call("/t.T/Echo")).toMatchObject({ status: { cause: "unreachable" } });
  });
});

describe("a path of a Unix socket", () => {
  it("serves, and one that nobody listens on is unreachable", async () => {
    const directory = mkdtempSync(join(tmpdir(), "lean-"));
    using service = await leanServer(echo);
    const path = join(directory, "s");
    using onPath = await leanServer(echo, {}, path);
    using caller = leanChannel(service.port, { address: { kind: "unix", path } });
    expect(onPath.port).toBe(0);
    expect(await caller.call("/t.T/Echo", Buffer.from("a"))).toMatchObject({ kind: "reply" });
    using nobody = leanChannel(service.port, { address: { kind: "unix", path: join(directory, "none") } });
    expect(await nobody.call("/t.T/Echo")).toMatchObject({ status: { cause: "unreachable" } });
    onPath.server.destroy();
    rmSync(directory, { recursive: true });
  });
});
