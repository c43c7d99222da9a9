import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { rename, writeFile } from "node:fs/promises";
import { createServer, type ServerOptions } from "node:https";
import { join } from "node:path";
import { createServer as createTlsServer, type TLSSocket } from "node:tls";
import { expect, it } from "vitest";
import { testCertificates, type TestAuthority, type TestCertificate } from "../support/certificates.ts";
import { send } from "../support/http-client.ts";
import { startGateway } from "../support/start-gateway.ts";
import { SteadyLoad } from "../support/steady-load.ts";

/** A changed file is in use within this time (R29). */
const IN_USE = { timeout: 5_000, interval: 50 };

/** A server that tells which certificate it was shown, and by what name it was asked for. */
async function startSecure(options: ServerOptions) {
  const seen: { readonly serial: string | undefined; readonly sni: string | false | null }[] = [];
  let bytes = 0;
  const server = createServer(options, (request, response) => {
    const { socket } = request;
    // an HTTPS server's sockets are TLS sockets
    const shown = "getPeerX509Certificate" in socket ? (socket as TLSSocket) : undefined;
    seen.push({ serial: shown?.getPeerX509Certificate()?.serialNumber, sni: shown?.servername ?? null });
    request.resume();
    request.on("end", () => response.end("secret"));
  });
  server.on("secureConnection", (socket) => socket.on("data", (chunk: Buffer) => (bytes += chunk.length)));
  server.on("tlsClientError", () => {});
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    port,
    seen,
    bytes: () => bytes,
    use: (next: ServerOptions) => server.setSecureContext(next),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

const config = (
  url: string,
  tls: string,
  more = "",
): string => `upstreams: { main: { endpoints: ["${url}"], tls: ${tls}${more} } }
routes: [{ name: all, match: { path: /** }, authenticate: [anonymous], upstream: main }]
`;

type Files = Readonly<Record<string, string>>;

const pair = (name: string, { cert, key }: TestCertificate): Files => ({ [`${name}.key`]: key, [`${name}.pem`]: cert });

const serialOf = ({ cert }: TestCertificate): string => new X509Certificate(cert).serialNumber;

async function put(directory: string, files: Files): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await writeFile(join(directory, `.${name}.new`), text);
    await rename(join(directory, `.${name}.new`), join(directory, name));
  }
}

it.each(["sallyport", "undici"] as const)(
  "an upstream over mutual TLS knows the gateway, and is known (%s)",
  async (upstreamClient) => {
    const certificates = await testCertificates();
    const own = await certificates.client();
    await using secure = await startSecure({
      ...(await certificates.server("orders.internal")),
      ca: certificates.ca,
      requestCert: true,
      rejectUnauthorized: true,
    });
    await using gateway = await startGateway({
      config: config(
        `https://127.0.0.1:${secure.port}`,
        "{ ca_file: ca.pem, cert_file: own.pem, key_file: own.key, server_name: orders.internal }",
      ),
      files: { "ca.pem": certificates.ca, ...pair("own", own) },
      upstreamClient,
    });
    const body = "x".repeat(300_000);
    expect(await send(`${gateway.url}/a`, { method: "POST", body })).toMatchObject({ status: 200, text: "secret" });
    expect((await send(`${gateway.url}/b`)).text).toBe("secret");
    expect(secure.seen).toEqual([
      { serial: serialOf(own), sni: "orders.internal" },
      { serial: serialOf(own), sni: "orders.internal" },
    ]);
  },
);

/** Who the server says it is, what it is expected to be, and what the log says. */
const REFUSED: readonly (readonly [
  string,
  (by: TestAuthority, other: TestAuthority) => Promise<TestCertificate>,
  string,
  RegExp,
])[] = [
  ["of another authority", (_by, other) => other.server(), "", /not signed by an authority/],
  [
    "for another name",
    (by) => by.server("else.where"),
    ", server_name: orders.internal",
    /is for DNS:else\.where, not for orders\.internal/,
  ],
  ["for another address", (by) => by.server("else.where"), "", /is for DNS:else\.where, not for 127\.0\.0\.1/],
  ["that has expired", (by) => by.expired("server"), "", /has expired/],
  ["of a client", (by) => by.client("127.0.0.1"), "", /TLS: /],
];

it.each(["sallyport", "undici"] as const)(
  "no byte of a request reaches a server that is not the upstream (R28, %s)",
  async (upstreamClient) => {
    const certificates = await testCertificates();
    for (const [name, made, keys, said] of REFUSED) {
      await using secure = await startSecure(await made(certificates, certificates.other));
      await using gateway = await startGateway({
        config: config(`https://127.0.0.1:${secure.port}`, `{ ca_file: ca.pem${keys} }`),
        files: { "ca.pem": certificates.ca },
        upstreamClient,
      });
      const answer = await send(`${gateway.url}/a`, { method: "POST", body: "a secret" });
      expect(answer.json(), name).toMatchObject({ status: 502, code: "upstream_unreachable" });
      const line = await gateway.lineWhere(({ event }) => event === "exchange");
      if (upstreamClient === "sallyport") expect(line["cause"], name).toMatch(said);
      expect(secure.bytes(), name).toBe(0);
    }
  },
);

it("trusts nobody whom this machine does not where no authority is named, and no plain server either", async () => {
  const certificates = await testCertificates();
  await using secure = await startSecure(await certificates.server());
  await using gateway = await startGateway({ config: config(`https://127.0.0.1:${secure.port}`, "{}") });
  expect((await send(`${gateway.url}/a`)).status).toBe(502);
  expect(secure.bytes()).toBe(0);
  let plainBytes = "";
  await using plain = new AsyncDisposableStack();
  const server = (await import("node:net")).createServer((socket) => {
    socket.on("data", (chunk) => (plainBytes += chunk.toString("latin1")));
    socket.on("error", () => {});
    socket.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  plain.defer(() => void server.close());
  const address = server.address();
  await using other = await startGateway({
    config: config(
      `https://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`,
      "{ ca_file: ca.pem }",
    ),
    files: { "ca.pem": certificates.ca },
  });
  expect((await send(`${other.url}/a`)).status).toBe(502);
  expect(plainBytes).not.toContain("HTTP/1.1");
});

it("gives up a server that never ends its handshake after the connect timeout, and goes to another", async () => {
  const certificates = await testCertificates();
  await using secure = await startSecure(await certificates.server());
  const stuck = (await import("node:net")).createServer((socket) => void socket.on("error", () => {}));
  stuck.listen(0, "127.0.0.1");
  await once(stuck, "listening");
  const address = stuck.address();
  const stuckPort = typeof address === "object" && address !== null ? address.port : 0;
  await using gateway = await startGateway({
    config: config(
      `https://127.0.0.1:${stuckPort}", "https://127.0.0.1:${secure.port}`,
      "{ ca_file: ca.pem }",
      ", timeouts: { connect: 200ms }",
    ),
    files: { "ca.pem": certificates.ca },
  });
  for (let i = 0; i < 4; i += 1) expect((await send(`${gateway.url}/a`)).status).toBe(200);
  stuck.close();
});

it("rotates its certificate and the authority under load without a failed request (R29)", { timeout: 60_000 }, async () => {
  const certificates = await testCertificates();
  const { other } = certificates;
  const [first, second] = [await certificates.client(), await other.client()];
  const both = `${certificates.ca}\n${other.ca}\n`;
  await using secure = await startSecure({
    ...(await certificates.server()),
    ca: both,
    requestCert: true,
    rejectUnauthorized: true,
  });
  await using gateway = await startGateway({
    config: config(
      `https://127.0.0.1:${secure.port}`,
      "{ ca_file: ca.pem, cert_file: own.pem, key_file: own.key }",
      ", timeouts: { idle: 500ms }",
    ),
    files: { "ca.pem": certificates.ca, ...pair("own", first) },
  });
  const load = new SteadyLoad(gateway.url, 10);
  const shown = (): string | undefined => secure.seen.at(-1)?.serial;
  await expect.poll(shown, IN_USE).toBe(serialOf(first));
  await put(gateway.directory, { "ca.pem": both });
  await gateway.lineWhere(({ event }) => event === "config_reloaded");
  // half a file changes nothing
  await put(gateway.directory, { "own.pem": second.cert.slice(0, 100) });
  await gateway.lineWhere(({ event }) => event === "config_rejected");
  await put(gateway.directory, pair("own", second));
  await expect.poll(shown, IN_USE).toBe(serialOf(second));
  secure.use({ ...(await other.server()), ca: both });
  const before = secure.seen.length;
  await expect.poll(() => secure.seen.length - before, IN_USE).toBeGreaterThan(50);
  const { failures, sent } = await load.stop();
  expect(failures).toEqual([]);
  expect(sent).toBeGreaterThan(60);
});

it("a certificate that cannot be used is an issue at its place, and nothing starts", async () => {
  const certificates = await testCertificates();
  const [one, another] = [await certificates.client(), await certificates.other.client()];
  await expect(
    startGateway({
      config: config("https://127.0.0.1:9", "{ cert_file: own.pem, key_file: own.key }"),
      files: { "own.pem": one.cert, "own.key": another.key },
    }),
  ).rejects.toThrow(/gateway\.yaml:\d+:\d+: \/upstreams\/main\/tls: .*does not hold the key of the certificate/);
});

it("speaks to endpoints that know no server name by their address", async () => {
  const certificates = await testCertificates();
  const names: unknown[] = [];
  const server = createTlsServer(await certificates.server("127.0.0.1"), (socket) => {
    names.push(socket.servername);
    socket.on("data", () => socket.end("HTTP/1.1 204 No Content\r\n\r\n"));
    socket.on("error", () => {});
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  await using gateway = await startGateway({
    config: config(`https://127.0.0.1:${port}`, "{ ca_file: ca.pem }"),
    files: { "ca.pem": certificates.ca },
  });
  expect((await send(`${gateway.url}/a`)).status).toBe(204);
  expect(names).toEqual([false]);
  server.close();
});
