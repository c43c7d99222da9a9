import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { rename, writeFile } from "node:fs/promises";
import { connect, type ConnectionOptions, type TLSSocket } from "node:tls";
import { type LogEntry, type RunningInterceptor, serve, allow, binding, defineInterceptor } from "@sallyport/interceptors-sdk";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { testCertificates, type TestAuthority, type TestCertificate } from "../../support/certificates.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";
import { TRANSPORTS, type Transport } from "../../support/transports.ts";

/** What the test at hand serves over. */
let transport: Transport = "lean";

const sample = defineInterceptor({
  name: "sample",
  bindings: { ok: binding({ phase: "pre-auth", mode: "observe", needs: [], review: () => allow() }) },
});

interface Rotating {
  readonly running: RunningInterceptor;
  readonly lines: readonly LogEntry[];
  /** Replaces files by renames, the names in this order. */
  put(files: Readonly<Record<string, string>>): Promise<void>;
}

async function rotating(): Promise<Rotating> {
  const directory = await temporaryDirectory();
  onTestFinished(() => directory[Symbol.asyncDispose]());
  const certificates = await testCertificates();
  const { cert, key } = await certificates.server();
  const put = async (files: Readonly<Record<string, string>>): Promise<void> => {
    for (const [name, text] of Object.entries(files)) {
      await writeFile(directory.file(`${name}.new`), text);
      await rename(directory.file(`${name}.new`), directory.file(name));
    }
  };
  await put({ "ca.pem": certificates.ca, "server.pem": cert, "server.key": key });
  const lines: LogEntry[] = [];
  const running = await serve(sample, {
    listen: "grpcs://127.0.0.1:0",
    tls: { caFile: directory.file("ca.pem"), certFile: directory.file("server.pem"), keyFile: directory.file("server.key") },
    gateway: { identity: "mtls" },
    signals: false,
    transport,
    log: (entry) => lines.push(entry),
  });
  onTestFinished(() => running.close());
  return { running, lines, put };
}

/** A connection as a gateway of that authority opens it, once the service has said something: a refused certificate shows only then. */
async function handshake(running: RunningInterceptor, by: TestAuthority, more: ConnectionOptions = {}): Promise<TLSSocket> {
  const { cert, key } = await by.client();
  const { ca, other } = await testCertificates();
  const socket = connect({
    port: running.port,
    host: "127.0.0.1",
    ca: [ca, other.ca],
    cert,
    key,
    servername: "localhost",
    ALPNProtocols: ["h2"],
    ...more,
  });
  onTestFinished(() => void socket.destroy());
  const failed = once(socket, "error").then(([error]) => Promise.reject(new Error("refused", { cause: error })));
  await Promise.race([once(socket, "secureConnect"), failed]);
  // the settings of HTTP/2 come after the handshake is accepted
  await Promise.race([once(socket, "data"), once(socket, "close").then(() => Promise.reject(new Error("closed"))), failed]);
  return socket;
}

const serialOf = (pem: string): string => new X509Certificate(pem).serialNumber;
const servedBy = async (running: RunningInterceptor): Promise<string | undefined> => {
  const socket = await handshake(running, await testCertificates());
  const serial = socket.getPeerX509Certificate()?.serialNumber;
  socket.destroy();
  return serial;
};
const outcome = (running: RunningInterceptor, by: TestAuthority, more?: ConnectionOptions): Promise<string> =>
  handshake(running, by, more).then(
    (socket) => {
      socket.destroy();
      return "welcome";
    },
    () => "refused",
  );
const renewals = ({ lines }: Rotating): number => lines.filter(({ message }) => message === "certificates renewed").length;
const pairFiles = ({ cert, key }: TestCertificate) => ({ "server.key": key, "server.pem": cert });

describe.each(TRANSPORTS)("certificates in files, over %s", (which) => {
  beforeEach(() => void (transport = which));

  it("are used by the next connection when they change; those that are open stay", async () => {
    const service = await rotating();
    const certificates = await testCertificates();
    const open = await handshake(service.running, certificates);
    const next = await certificates.server("localhost", "next.test");
    await service.put(pairFiles(next));
    await expect.poll(() => servedBy(service.running), { timeout: 5_000 }).toBe(serialOf(next.cert));
    expect(open.destroyed).toBe(false);
    expect(renewals(service)).toBe(1);
  });

  it("are left alone while one is half written or does not belong to the other, which is logged once", async () => {
    const service = await rotating();
    const certificates = await testCertificates();
    const before = serialOf((await certificates.server()).cert);
    const next = await certificates.server("localhost", "mended.test");
    const warnings = (): readonly unknown[] => service.lines.filter(({ level }) => level === "warn").map(({ reason }) => reason);
    await service.put({ "server.pem": next.cert.slice(0, next.cert.length / 2) });
    await expect.poll(warnings, { timeout: 5_000 }).toEqual([expect.stringMatching(/server\.pem holds no whole PEM text$/)]);
    expect(await servedBy(service.running)).toBe(before);
    await service.put({ "server.pem": next.cert });
    await expect.poll(warnings, { timeout: 5_000 }).toHaveLength(2);
    expect(warnings()[1]).toBe("the key is not the certificate's");
    expect(await servedBy(service.running)).toBe(before);
    await service.put({ "server.key": next.key });
    await expect.poll(() => servedBy(service.running), { timeout: 5_000 }).toBe(serialOf(next.cert));
    expect(warnings()).toHaveLength(2);
    expect(JSON.stringify(service.lines)).not.toContain("PRIVATE KEY");
  });

  it("are not replaced by one that has expired", async () => {
    const service = await rotating();
    const certificates = await testCertificates();
    await service.put(pairFiles(await certificates.expired("server")));
    await expect
      .poll(() => service.lines.map(({ reason }) => reason), { timeout: 5_000 })
      .toContain("the certificate has expired");
    expect(await servedBy(service.running)).toBe(serialOf((await certificates.server()).cert));
  });

  it("of authorities: a client of one that was added is welcome, of one that was taken out refused, also when it resumes a session", async () => {
    const service = await rotating();
    const certificates = await testCertificates();
    const { other } = certificates;
    expect(await outcome(service.running, other)).toBe("refused");
    await service.put({ "ca.pem": certificates.ca + other.ca });
    await expect.poll(() => outcome(service.running, other), { timeout: 5_000 }).toBe("welcome");
    expect(await outcome(service.running, certificates)).toBe("welcome");

    const sessions: Buffer[] = [];
    for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
      const socket = await handshake(service.running, certificates, { maxVersion });
      socket.on("session", (session) => sessions.push(session));
      const session = socket.getSession();
      if (session !== undefined) sessions.push(session);
    }
    expect(sessions.length).toBeGreaterThanOrEqual(2);
    await service.put({ "ca.pem": other.ca });
    await expect.poll(() => outcome(service.running, certificates), { timeout: 5_000 }).toBe("refused");
    for (const session of sessions) expect(await outcome(service.running, certificates, { session })).toBe("refused");
    for (const session of sessions)
      expect(await outcome(service.running, certificates, { session, maxVersion: "TLSv1.2" })).toBe("refused");
    expect(await outcome(service.running, other)).toBe("welcome");
  });
});
