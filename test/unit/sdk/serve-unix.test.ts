import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { chmod, chown, lstat, mkdir, readdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Client, credentials, Metadata } from "@grpc/grpc-js";
import { METHODS } from "@sallyport/contract/wire.ts";
import { allow, binding, defineInterceptor, serve, serveFromEnv, type RunningInterceptor } from "@sallyport/interceptors-sdk";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { testCertificates } from "../../support/certificates.ts";
import { NO_TRUSTED_PLACE, trustedDirectory, type TrustedDirectory } from "../../support/trusted-directory.ts";
import { unixPeer } from "../../support/unix-peer.ts";
import { TRANSPORTS, type Transport } from "../../support/transports.ts";

const certificates = await testCertificates();
/** What the test at hand serves over. */
let transport: Transport = "lean";
const quiet = {
  signals: false,
  log: () => undefined,
  get transport() {
    return transport;
  },
} as const;
const IS_ROOT = process.geteuid?.() === 0;

const sample = defineInterceptor({
  name: "sample",
  version: "1.0.0",
  bindings: { ok: binding({ phase: "pre-auth", mode: "validate", needs: [], review: () => allow() }) },
});

async function serving(path: string, more: { readonly socketGroup?: number } = {}): Promise<RunningInterceptor> {
  const running = await serve(sample, {
    listen: `unix://${path as `/${string}`}`,
    gateway: { identity: "unix" },
    ...quiet,
    ...more,
  });
  onTestFinished(() => running.close());
  return running;
}

/** The manifest, or the error it ended in, over the socket. */
function describeOver(path: string, over = credentials.createInsecure()): Promise<Buffer | Error> {
  const client = new Client(`unix://${path}`, over, {
    "grpc.use_local_subchannel_pool": 1,
    "grpc.ssl_target_name_override": "localhost",
  });
  onTestFinished(() => client.close());
  const asIs = (bytes: Buffer): Buffer => bytes;
  return new Promise((resolve) =>
    client.makeUnaryRequest(
      METHODS.describe,
      asIs,
      asIs,
      Buffer.alloc(0),
      new Metadata(),
      { deadline: Date.now() + 5_000 },
      (error, answer) => resolve(error ?? answer ?? Buffer.alloc(0)),
    ),
  );
}

const overTls = async (from = certificates) => {
  const { cert, key } = await from.client();
  return credentials.createSsl(Buffer.from(certificates.ca), Buffer.from(key), Buffer.from(cert));
};

const modeOf = async (path: string): Promise<number> => (await lstat(path)).mode & 0o7777;

describe.skipIf(NO_TRUSTED_PLACE).each(TRANSPORTS)(
  "serving on a unix socket, which needs a directory nobody else may write to (C39), over %s",
  (which) => {
    beforeEach(() => void (transport = which));

    it("makes a socket of mode 0600 whatever the umask, answers on it, and takes it away", async () => {
      using place = trustedDirectory();
      const running = await serving(place.file("s"));
      expect([running.address, running.port, await modeOf(place.file("s"))]).toEqual([`unix://${place.file("s")}`, 0, 0o600]);
      expect(await readdir(place.path)).toEqual(["s"]);
      expect(await describeOver(place.file("s"))).toBeInstanceOf(Buffer);
      await running.close();
      expect(await readdir(place.path)).toEqual([]);
    });

    it("lets a group in where it is told one", async () => {
      using place = trustedDirectory();
      const socketGroup = IS_ROOT ? 54_321 : (process.getegid?.() ?? 0);
      await serving(place.file("s"), { socketGroup });
      expect([await modeOf(place.file("s")), (await lstat(place.file("s"))).gid]).toEqual([0o660, socketGroup]);
    });

    it("serves mutual TLS on it", async () => {
      using place = trustedDirectory();
      const tls = { ca: certificates.ca, ...(await certificates.server()) };
      const running = await serve(sample, {
        listen: `unix:///${place.file("s").slice(1)}`,
        tls,
        gateway: { identity: "mtls" },
        ...quiet,
      });
      onTestFinished(() => running.close());
      expect(await describeOver(place.file("s"), await overTls())).toBeInstanceOf(Buffer);
      expect(await describeOver(place.file("s"))).toBeInstanceOf(Error);
      expect(running.counters().describes).toBe(1);
    });

    it("takes the place of a dead socket of its own", async () => {
      using place = trustedDirectory();
      const script = `import { createServer } from "node:net"; createServer().listen(process.argv[1], () => process.kill(process.pid, "SIGKILL"))`;
      await once(spawn(process.execPath, ["--input-type=module", "-e", script, place.file("s")]), "exit");
      expect(existsSync(place.file("s"))).toBe(true);
      await serving(place.file("s"));
      expect(await describeOver(place.file("s"))).toBeInstanceOf(Buffer);
    });

    it("leaves a living socket alone", async () => {
      using place = trustedDirectory();
      await using peer = await unixPeer(place.file("s"));
      await expect(serving(peer.path)).rejects.toThrow(/cannot listen on unix:.*: another process does/);
      expect(await readdir(place.path)).toEqual(["s"]);
    });

    it.each<readonly [string, (place: TrustedDirectory) => Promise<unknown>, RegExp]>([
      ["a regular file", (place) => writeFile(place.file("s"), "precious"), /is in the way, and is no socket/],
      [
        "a link, wherever it leads",
        (place) => symlink(place.file("nowhere"), place.file("s")),
        /is in the way, and is no socket/,
      ],
      ["a directory", (place) => mkdir(place.file("s")), /is in the way, and is no socket/],
    ])("never replaces %s", async (_what, arrange, reason) => {
      using place = trustedDirectory();
      await arrange(place);
      const before = await lstat(place.file("s"), { bigint: true });
      await expect(serving(place.file("s"))).rejects.toThrow(reason);
      expect((await lstat(place.file("s"), { bigint: true })).ino).toBe(before.ino);
      expect(await readdir(place.path)).toEqual(["s"]);
    });

    it.skipIf(!IS_ROOT)("never replaces a socket of somebody else (needs root)", async () => {
      using place = trustedDirectory();
      await using peer = await unixPeer(place.file("s"));
      await chown(peer.path, 54_321, 54_321);
      await expect(serving(peer.path)).rejects.toThrow(/belongs to uid 54321/);
    });

    it.each([
      ["writable by others", 0o777],
      ["writable by others, with the sticky bit", 0o1777],
      ["writable by its group", 0o770],
    ])("refuses a directory that is %s", async (_what, bits) => {
      using place = trustedDirectory();
      await chmod(place.path, bits);
      await expect(serving(place.file("s"))).rejects.toThrow(/is writable by others: no gateway would trust/);
      expect(await readdir(place.path)).toEqual([]);
    });

    it("refuses a link among its directories, and a path with detours or without end", async () => {
      using place = trustedDirectory();
      await symlink(place.path, place.file("link"));
      await expect(serving(place.file("link/s"))).rejects.toThrow(/link is not a directory/);
      await expect(serving(`${place.path}/../s`)).rejects.toThrow(/simplest form/);
      const deep = place.file("d".repeat(90));
      await mkdir(deep);
      await expect(serving(`${deep}/s`)).rejects.toThrow(/too long a path/);
      expect(await readdir(deep)).toEqual([]);
    });

    it("takes away only what it made", async () => {
      using place = trustedDirectory();
      const running = await serving(place.file("s"));
      await rename(place.file("s"), place.file("moved"));
      await writeFile(place.file("s"), "somebody else's");
      await running.close();
      expect(await readFile(place.file("s"), "utf8")).toBe("somebody else's");
    });

    it("refuses options that would serve strangers", async () => {
      using place = trustedDirectory();
      const listen = `unix://${place.file("s")}`;
      const refused = (options: object) => expect(serve(sample, Object({ ...quiet, listen, ...options }))).rejects;
      const tls = { ca: certificates.ca, ...(await certificates.server()) };
      await refused({}).toThrow(/takes gateway: \{ identity: "unix" \} or "jwt"/);
      await refused({ gateway: { identity: "mtls" } }).toThrow(/takes gateway: \{ identity: "unix" \} or "jwt"/);
      await refused({ gateway: { identity: "jwt" } }).toThrow(/takes issuer, audience and jwks/);
      await refused({ gateway: { identity: "unix" }, tls }).toThrow(/with tls takes gateway: \{ identity: "mtls" \}/);
      await refused({ gateway: { identity: "unix" }, socketGroup: -1 }).toThrow(/the id of a group/);
      await refused({ gateway: { identity: "unix" }, listen: "unix:relative" }).toThrow(/unix:\/\/\/path/);
      await refused({ gateway: { identity: "unix" }, listen: "unix://host/path" }).toThrow(/unix:\/\/\/path/);
      await refused({ gateway: { identity: "mtls" }, tls, listen: "grpcs://127.0.0.1:0", socketGroup: 0 }).toThrow(
        /socketGroup takes/,
      );
      expect(await readdir(place.path)).toEqual([]);
    });

    it("refuses in serveFromEnv what does not go with a socket without a certificate", () => {
      using place = trustedDirectory();
      const listen = `unix://${place.file("s")}`;
      const from =
        (...argv: readonly string[]) =>
        () =>
          serveFromEnv(sample, { env: {}, argv: ["--listen", listen, ...argv] });
      expect(from("--gateway-identity", "mtls")).toThrow(/unix or, with a JWKS, jwt/);
      expect(from("--socket-group", "wheel")).toThrow(/the id of a group/);
      expect(from("--cert", "c.pem")).toThrow(/--ca FILE/);
      expect(from("--jwks-file", "a", "--jwks-url", "https://b")).toThrow(/in one place/);
    });

    it("is what serveFromEnv does for unix://, and ends with the process that is told to stop", { timeout: 20_000 }, async () => {
      using place = trustedDirectory();
      const script = fileURLToPath(new URL("../../../examples/interceptors/tenancy/tenancy.ts", import.meta.url));
      const child = spawn(process.execPath, [script, "--listen", `unix://${place.file("s")}`], {
        env: { SALLYPORT_SOCKET_GROUP: String(process.getegid?.() ?? 0) },
        stdio: ["ignore", "pipe", "ignore"],
      });
      onTestFinished(() => void child.kill("SIGKILL"));
      const [line] = await once(createInterface(child.stdout), "line");
      expect(JSON.parse(String(line))).toMatchObject({ message: "listening", address: `unix://${place.file("s")}` });
      expect(await modeOf(place.file("s"))).toBe(0o660);
      expect(await describeOver(place.file("s"))).toBeInstanceOf(Buffer);
      child.kill("SIGTERM");
      expect(await once(child, "exit")).toEqual([0, null]);
      expect(await readdir(place.path)).toEqual([]);
    });

    it("runs two on one path no better than one, whoever comes first", async () => {
      using place = trustedDirectory();
      const outcomes = await Promise.allSettled([serving(place.file("s")), serving(place.file("s"))]);
      expect(outcomes.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
      expect(await describeOver(place.file("s"))).toBeInstanceOf(Buffer);
      await rm(place.file("s"));
    });
  },
);
