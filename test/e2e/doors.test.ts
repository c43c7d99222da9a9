import { once } from "node:events";
import { lstat, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { connect as connectTcp, type Socket } from "node:net";
import { join } from "node:path";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { describe, expect, it } from "vitest";
import type { ListenerCodec } from "../../src/adapters/inbound/listener-settings.ts";
import { testCertificates } from "../support/certificates.ts";
import { oneRoute } from "../support/one-route.ts";
import { startGateway, type TestGateway } from "../support/start-gateway.ts";
import { startUpstream, type TestUpstream } from "../support/start-upstream.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { withWorkers } from "./support/with-workers.ts";

const ADMIN = 'admin: { address: "127.0.0.1:0", token_file: admin-token }\ndrain: 1s\n';

/** Sends a request over a connection that is there already, and reads to its end. */
async function askOver(socket: Socket, path = "/", before = ""): Promise<string> {
  let text = "";
  socket.setEncoding("latin1").on("data", (part: string) => (text += part));
  socket.on("error", () => {});
  socket.write(`${before}GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
  await once(socket, "close");
  return text;
}

describe("a listener with several certificates", () => {
  async function start(upstream: TestUpstream): Promise<TestGateway> {
    const certificates = await testCertificates();
    const files: Record<string, string> = {};
    const names = { first: "first.test", second: "second.test", wild: "*.wild.test", exact: "exact.wild.test" };
    for (const [name, host] of Object.entries(names)) {
      const { cert, key } = await certificates.server(host);
      files[`${name}.pem`] = cert;
      files[`${name}.key`] = key;
    }
    const certs = Object.keys(names).map((name) => `{ cert_file: ${name}.pem, key_file: ${name}.key }`);
    const config = `version: 1
listeners: [{ name: secure, address: "127.0.0.1:0", tls: { certs: [${certs.join(", ")}] }, protocols: [http1, http2] }]
${ADMIN}${oneRoute(upstream.url)}`;
    return startGateway({ config, files });
  }

  const shown = async (gateway: TestGateway, servername: string | undefined): Promise<string | undefined> => {
    const { ca } = await testCertificates();
    const socket: TLSSocket = connectTls({
      host: "127.0.0.1",
      port: Number(new URL(gateway.url).port),
      ca,
      ...(servername === undefined ? {} : { servername }),
      checkServerIdentity: () => undefined,
    });
    await once(socket, "secureConnect");
    const { subjectaltname } = socket.getPeerCertificate();
    socket.destroy();
    return subjectaltname;
  };

  it("shows the one made out to the name that is asked for, else the first", async () => {
    await using upstream = await startUpstream();
    await using gateway = await start(upstream);
    expect(await shown(gateway, "second.test")).toBe("DNS:second.test");
    expect(await shown(gateway, "SECOND.test")).toBe("DNS:second.test");
    expect(await shown(gateway, "a.wild.test")).toBe("DNS:*.wild.test");
    expect(await shown(gateway, "exact.wild.test")).toBe("DNS:exact.wild.test");
    // a star stands for one label
    expect(await shown(gateway, "a.b.wild.test")).toBe("DNS:first.test");
    expect(await shown(gateway, "wild.test")).toBe("DNS:first.test");
    expect(await shown(gateway, "other.test")).toBe("DNS:first.test");
    expect(await shown(gateway, undefined)).toBe("DNS:first.test");
  });

  it("renews any of them, all at once or none", async () => {
    await using upstream = await startUpstream();
    await using gateway = await start(upstream);
    const { cert, key } = await (await testCertificates()).server("second.test", "third.test");
    await writeFile(join(gateway.directory, "second.pem"), cert);
    await gateway.lineWhere(({ event }) => event === "certificate_not_renewed", 10_000);
    expect(await shown(gateway, "third.test")).toBe("DNS:first.test");
    await writeFile(join(gateway.directory, "second.key"), key);
    await expect.poll(() => shown(gateway, "third.test"), { timeout: 10_000 }).toBe("DNS:second.test, DNS:third.test");
  });
});

describe("client certificates over HTTP/2", () => {
  it("are required where the listener says so, and name the client", async () => {
    await using upstream = await startUpstream();
    const certificates = await testCertificates();
    const { ca } = certificates;
    const { cert, key } = await certificates.server();
    const tls = "certs: [{ cert_file: s.pem, key_file: s.key }], client_ca_file: ca.pem, client_cert: required";
    const config = `version: 1
listeners: [{ name: secure, address: "127.0.0.1:0", tls: { ${tls} }, protocols: [http2] }]
${ADMIN}${oneRoute(upstream.url)}`;
    await using gateway = await startGateway({ config, files: { "s.pem": cert, "s.key": key, "ca.pem": ca } });
    const status = (client: { cert?: string; key?: string }): Promise<number> => {
      const { promise, resolve, reject } = Promise.withResolvers<number>();
      const session = connectHttp2(gateway.url, { ca, servername: "localhost", ...client });
      session.on("error", reject);
      session.on("close", () => reject(new Error("closed")));
      session
        .request({ ":path": "/" })
        .on("response", (head) => {
          resolve(head[":status"] ?? 0);
          session.destroy();
        })
        .on("error", reject)
        .end();
      return promise;
    };
    await expect(status({})).rejects.toThrow();
    await expect(status(await certificates.other.client())).rejects.toThrow();
    expect(upstream.seen).toEqual([]);
    expect(await status(await certificates.client("someone"))).toBe(200);
  });
});

describe("a listener on a unix socket", () => {
  const config = (path: string, upstream: TestUpstream, more = ""): string =>
    `version: 1
listeners: [{ name: local, address: "unix:${path}"${more} }]
${ADMIN}${oneRoute(upstream.url)}`;

  const ask = async (socketPath: string): Promise<number | undefined> => {
    const sent = request({ socketPath, path: "/x", agent: false, headers: { host: "localhost" } });
    sent.end();
    const [response] = (await once(sent, "response")) as [{ statusCode?: number; resume(): void }]; // the event's one argument
    response.resume();
    return response.statusCode;
  };

  it("serves who may write to it, and removes it at the end", async () => {
    await using upstream = await startUpstream();
    await using directory = await temporaryDirectory();
    const path = directory.file("gateway.sock");
    const gateway = await startGateway({ config: config(path, upstream, ', socket_mode: "0600", protocols: [http1, h2c]') });
    try {
      expect((await lstat(path)).mode & 0o777).toBe(0o600);
      expect(await ask(path)).toBe(200);
      expect(upstream.seen[0]?.headers["x-forwarded-for"]).toBe("unix");
      expect(gateway.running.listeners).toMatchObject([{ name: "local", path }]);
      const session = connectHttp2("http://localhost", { createConnection: () => connectTcp({ path }) });
      const stream = session.request({ ":path": "/two" });
      const [head] = (await once(stream, "response")) as [Record<string, unknown>]; // the first of the event's arguments
      expect(head[":status"]).toBe(200);
      session.destroy();
    } finally {
      await gateway[Symbol.asyncDispose]();
    }
    await expect(lstat(path)).rejects.toThrow(/ENOENT/);
  });

  it("takes the place of a socket nobody listens on any more, and of nothing else", async () => {
    await using upstream = await startUpstream();
    await using directory = await temporaryDirectory();
    const path = directory.file("gateway.sock");
    // what a killed process leaves: a bound socket without an owner
    await using left = await withWorkersSocket(path, upstream);
    left.kill();
    await expect.poll(() => ask(path).catch((error: unknown) => String(error))).toMatch(/ECONNREFUSED/);
    {
      await using gateway = await startGateway({ config: config(path, upstream) });
      expect(await ask(path)).toBe(200);
      expect((await lstat(path)).mode & 0o777).toBe(0o660);
      await expect(startGateway({ config: config(path, upstream) })).rejects.toThrow(/something else listens on/);
      expect(await ask(path)).toBe(200);
      expect(gateway.running.listeners).toHaveLength(1);
    }
    await writeFile(path, "a file");
    await expect(startGateway({ config: config(path, upstream) })).rejects.toThrow(/exists and is no socket/);
  });
});

/** A gateway with two workers on a unix socket, as a process of its own that can be killed. */
async function withWorkersSocket(path: string, upstream: TestUpstream): Promise<AsyncDisposable & { kill(): void }> {
  const gateway = await withWorkers({ sections: oneRoute(upstream.url), listener: ` }, { name: local, address: "unix:${path}"` });
  const socket = connectTcp({ path });
  expect(await askOver(socket)).toMatch(/^HTTP\/1\.1 200 /);
  return {
    kill: () => {
      for (const pid of gateway.pids().values()) process.kill(pid, "SIGKILL");
      gateway.process.signal("SIGKILL");
    },
    [Symbol.asyncDispose]: () => gateway[Symbol.asyncDispose](),
  };
}

describe("a listener that is spoken to through proxies", () => {
  const HEADER = "PROXY TCP4 192.0.2.7 198.51.100.1 4711 443\r\n";

  async function start(
    upstream: TestUpstream,
    more: string,
    { cidrs = "127.0.0.1/32", ...options }: { readonly cidrs?: string; readonly codec?: ListenerCodec } = {},
  ): Promise<TestGateway> {
    const certificates = await testCertificates();
    const { cert, key } = await certificates.server();
    return startGateway({
      ...options,
      config: `version: 1
listeners: [{ name: public, address: "127.0.0.1:0", proxy_protocol: true, limits: { header_timeout: 300ms }, ${more} }]
trusted_proxies: { cidrs: [${cidrs}] }
${ADMIN}${oneRoute(upstream.url)}`,
      files: { "s.pem": cert, "s.key": key },
    });
  }

  const TLS = "tls: { certs: [{ cert_file: s.pem, key_file: s.key }] }";
  const portOf = (gateway: TestGateway): number => Number(new URL(gateway.url).port);
  const open = async (gateway: TestGateway): Promise<Socket> => {
    const socket = connectTcp({ port: portOf(gateway), host: "127.0.0.1", noDelay: true });
    await once(socket, "connect");
    return socket;
  };

  it.each(["node", "sallyport"] as const)("learns from the header whose connection it is, with codec %s", async (codec) => {
    await using upstream = await startUpstream();
    await using gateway = await start(upstream, "protocols: [http1, h2c]", { codec });
    expect(await askOver(await open(gateway), "/one", HEADER)).toMatch(/^HTTP\/1\.1 200 /);
    const socket = await open(gateway);
    socket.write(HEADER);
    const session = connectHttp2("http://localhost", { createConnection: () => socket });
    const [head] = (await once(session.request({ ":path": "/two" }), "response")) as [Record<string, unknown>]; // the first of its arguments
    expect(head[":status"]).toBe(200);
    session.destroy();
    expect(upstream.seen.map(({ headers }) => headers["x-forwarded-for"])).toEqual(["192.0.2.7", "192.0.2.7"]);
    await expect.poll(() => gateway.exchanges().map((line) => line["client_address"])).toEqual(["192.0.2.7", "192.0.2.7"]);
  });

  it("reads it before the handshake", async () => {
    await using upstream = await startUpstream();
    await using gateway = await start(upstream, `${TLS}, protocols: [http1, http2]`);
    const { ca } = await testCertificates();
    for (const protocol of ["http/1.1", "h2"]) {
      const socket = await open(gateway);
      socket.write(HEADER);
      const secure = connectTls({ socket, ca, servername: "localhost", ALPNProtocols: [protocol] });
      await once(secure, "secureConnect");
      if (protocol === "http/1.1") expect(await askOver(secure)).toMatch(/^HTTP\/1\.1 200 /);
      else {
        const session = connectHttp2("https://localhost", { createConnection: () => secure });
        await once(session.request({ ":path": "/" }), "response");
        session.destroy();
      }
    }
    expect(upstream.seen.map(({ headers }) => headers["x-forwarded-for"])).toEqual(["192.0.2.7", "192.0.2.7"]);
  });

  it.each([
    ["no header", ""],
    ["a malformed one", "PROXY TCP4 nonsense\r\n"],
    ["two", HEADER + HEADER],
  ])("serves nobody who sends %s", async (_name, before) => {
    await using upstream = await startUpstream();
    await using gateway = await start(upstream, "protocols: [http1]");
    expect(await askOver(await open(gateway), "/", before)).not.toMatch(/ 200 /);
    expect(upstream.seen).toEqual([]);
  });

  it("waits for it no longer than for a request head", async () => {
    await using upstream = await startUpstream();
    await using gateway = await start(upstream, "protocols: [http1]");
    const socket = await open(gateway);
    socket.resume().write("PROXY TCP4 192.0.2.7");
    await once(socket, "close");
    await gateway.lineWhere(({ event }) => event === "proxy_protocol_refused");
  });

  it("lets nobody in but trusted proxies, header or not", async () => {
    await using upstream = await startUpstream();
    await using gateway = await start(upstream, "protocols: [http1]", { cidrs: "10.0.0.0/8" });
    expect(await askOver(await open(gateway), "/", HEADER)).toBe("");
    expect(await askOver(await open(gateway))).toBe("");
    expect(upstream.seen).toEqual([]);
    expect(await gateway.lineWhere(({ event }) => event === "proxy_protocol_refused")).toMatchObject({
      client_address: "127.0.0.1",
      reason: "the peer is not a trusted proxy",
    });
  });
});
