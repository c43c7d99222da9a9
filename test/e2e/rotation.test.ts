import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { Agent } from "node:https";
import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { connect as connectTcp, createServer, type Socket } from "node:net";
import { connect } from "node:tls";
import { allow, binding, defineInterceptor, type LogEntry, serve } from "@sallyport/interceptors-sdk";
import { expect, it } from "vitest";
import { type TestAuthority, type TestCertificate, testCertificates } from "../support/certificates.ts";
import { send } from "../support/http-client.ts";
import { startGateway } from "../support/start-gateway.ts";
import { startUpstream } from "../support/start-upstream.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

/** A changed file is in use within this time (R29). */
const IN_USE_MS = 5_000;

const guard = defineInterceptor({
  name: "guard",
  bindings: {
    check: binding({ phase: "pre-route", mode: "validate", needs: ["/request/path"], review: () => allow() }),
  },
});

type Files = Readonly<Record<string, string>>;

/** Replaces files one after the other, each by a rename. */
async function put(directory: string, files: Files): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await writeFile(join(directory, `.${name}.new`), text);
    await rename(join(directory, `.${name}.new`), join(directory, name));
  }
}

const pair = (name: string, { cert, key }: TestCertificate): Files => ({ [`${name}.key`]: key, [`${name}.pem`]: cert });

/** Serial number of the certificate a server shows to a client with that pair; undefined where it refuses. */
async function shownBy(port: number, by: TestAuthority): Promise<string | undefined> {
  const { cert, key } = await by.client();
  const { ca, other } = await testCertificates();
  const socket = connect({
    port,
    host: "127.0.0.1",
    ca: [ca, other.ca],
    cert,
    key,
    servername: "localhost",
    ALPNProtocols: ["h2", "http/1.1"],
  });
  try {
    await once(socket, "secureConnect");
    return socket.getPeerX509Certificate()?.serialNumber;
  } catch {
    return undefined;
  } finally {
    socket.on("error", () => {});
    socket.destroy();
  }
}

const serialOf = ({ cert }: TestCertificate): string => new X509Certificate(cert).serialNumber;

/** One request every 10 ms over connections of their own now and then, until it is stopped. */
function steadyHttps(url: string) {
  const failures: string[] = [];
  const open = new Set<Promise<void>>();
  let agent = new Agent({ keepAlive: true, maxSockets: 8 });
  let sent = 0;
  let trusted: readonly string[] = [];
  const timer = setInterval(() => {
    sent += 1;
    // new connections all the time: the listener's certificate matters to them
    if (sent % 20 === 0) agent = new Agent({ keepAlive: true, maxSockets: 8 });
    const done = send(`${url}/load/${sent}`, { agent, tls: { ca: [...trusted], servername: "localhost" } })
      .then(({ status, text }) => void (status === 200 || failures.push(`${status} ${text}`)))
      .catch((error: unknown) => void failures.push(String(error)))
      .finally(() => open.delete(done));
    open.add(done);
  }, 10);
  return {
    trust: (authorities: readonly string[]) => void (trusted = authorities),
    stop: async () => {
      clearInterval(timer);
      await Promise.all(open);
      return { sent, failures };
    },
  };
}

/** A way to a port on which every connection can be cut. */
async function relayTo(port: number) {
  const open = new Set<Socket>();
  let connections = 0;
  const server = createServer((near) => {
    connections += 1;
    const far = connectTcp(port, "127.0.0.1");
    for (const [one, two] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(one);
      one.pipe(two);
      one.on("error", () => two.destroy());
      one.on("close", () => {
        two.destroy();
        open.delete(one);
      });
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const cut = (): void => open.forEach((socket) => socket.destroy());
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    get connections() {
      return connections;
    },
    cut,
    async [Symbol.asyncDispose]() {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

it("rotates every certificate and the authority under load without a failed request (R29)", { timeout: 60_000 }, async () => {
  const certificates = await testCertificates();
  const { other } = certificates;
  await using upstream = await startUpstream();
  await using directory = await temporaryDirectory();
  await put(directory.path, { "ca.pem": certificates.ca, ...pair("server", await certificates.server()) });
  const lines: LogEntry[] = [];
  await using service = await serve(guard, {
    listen: "grpcs://127.0.0.1:0",
    tls: { caFile: directory.file("ca.pem"), certFile: directory.file("server.pem"), keyFile: directory.file("server.key") },
    gateway: { identity: "mtls" },
    signals: false,
    log: (entry) => lines.push(entry),
  });
  await using wire = await relayTo(service.port);
  await using gateway = await startGateway({
    config: `version: 1
listeners: [{ name: secure, address: "127.0.0.1:0", tls: { certs: [{ cert_file: door.pem, key_file: door.key }] } }]
admin: { address: "127.0.0.1:0", token_file: admin-token }
drain: 1s
log: { level: debug }
upstreams: { main: { endpoints: ["${upstream.url}"] } }
routes: [{ name: load, match: { path: /** }, authenticate: [anonymous], upstream: main }]
interceptors:
  - name: guard
    endpoint: grpcs://127.0.0.1:${wire.port}
    tls: { ca_file: ca.pem, cert_file: gateway.pem, key_file: gateway.key, server_name: localhost }
    timeout: 2s
    bindings: [{ id: check, phase: pre-route, mode: validate }]
`,
    files: {
      "ca.pem": certificates.ca,
      ...pair("gateway", await certificates.client()),
      ...pair("door", await certificates.server()),
    },
  });
  const doorPort = Number(new URL(gateway.url).port);
  const inUse = { timeout: IN_USE_MS, interval: 100 };
  const load = steadyHttps(gateway.url);
  load.trust([certificates.ca, other.ca]);

  // the listener's
  const door = await certificates.server("localhost", "second.test");
  await put(gateway.directory, pair("door", door));
  await expect.poll(() => shownBy(doorPort, certificates), inUse).toBe(serialOf(door));

  // the service's, after one that is half written
  const server = await certificates.server("localhost", "second.test");
  await put(directory.path, { "server.pem": server.cert.slice(0, 200) });
  await expect.poll(() => lines.map(({ message }) => message), inUse).toContain("certificates not renewed");
  expect(await shownBy(service.port, certificates)).toBe(serialOf(await certificates.server()));
  await put(directory.path, pair("server", server));
  await expect.poll(() => shownBy(service.port, certificates), inUse).toBe(serialOf(server));

  // the authority: first both are trusted, then each side shows what the new one signed, then the old one goes
  const renewals = (): number => lines.filter(({ message }) => message === "certificates renewed").length;
  const both = `${certificates.ca}\n${other.ca}\n`;
  await put(gateway.directory, { "ca.pem": both });
  await put(directory.path, { "ca.pem": both });
  await expect.poll(renewals, inUse).toBe(2);
  await expect.poll(() => shownBy(service.port, other), inUse).toBe(serialOf(server));
  const reloads = (): number => gateway.lines.filter(({ event }) => /reload|plan_activ/.test(event)).length;
  const before = reloads();
  await put(gateway.directory, pair("gateway", await other.client("second-gateway")));
  await expect.poll(reloads, inUse).toBeGreaterThan(before);
  const last = await other.server();
  await put(directory.path, pair("server", last));
  await expect.poll(() => shownBy(service.port, other), inUse).toBe(serialOf(last));
  await put(directory.path, { "ca.pem": other.ca });
  await put(gateway.directory, { "ca.pem": other.ca });
  await expect.poll(renewals, inUse).toBe(4);

  const asked = service.counters().reviews;
  await expect.poll(() => service.counters().reviews - asked, inUse).toBeGreaterThan(50);
  const { sent, failures } = await load.stop();
  expect(failures).toEqual([]);
  expect(sent).toBeGreaterThan(300);

  // a connection from before proves nothing: with the old authority gone on both sides, only the new certificates make another
  wire.cut();
  const again = { ca: certificates.ca, servername: "localhost" };
  await expect.poll(async () => (await send(`${gateway.url}/again`, { tls: again })).status, inUse).toBe(200);
  expect(wire.connections).toBeGreaterThan(1);
});
