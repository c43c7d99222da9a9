import { writeFile } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { createServer } from "node:net";
import { connect as connectTls } from "node:tls";
import { once } from "node:events";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { testCertificates } from "../support/certificates.ts";
import { freePort } from "../support/free-port.ts";
import { begin, oneConnection, send, whole } from "../support/http-client.ts";
import { startGateway, type TestGateway } from "../support/start-gateway.ts";
import { startStreamingUpstream } from "../support/start-streaming-upstream.ts";
import { startUpstream, type TestUpstream } from "../support/start-upstream.ts";
import { SteadyLoad } from "../support/steady-load.ts";
import { codecUnderTest, withCodec } from "../support/under-test.ts";
import { readMetrics } from "./support/metrics.ts";

/** A listener as YAML; further keys after its address. */
const door = (name: string, port: number, more = ""): string => `  - { name: ${name}, address: "127.0.0.1:${port}"${more} }\n`;

const config = (doors: string, upstream: string, more = ""): string =>
  withCodec(
    `version: 1
listeners:
${doors}admin: { address: "127.0.0.1:0", token_file: admin-token }
drain: 2s
log: { level: debug }
upstreams: { echo: { endpoints: ["${upstream}"] } }
routes: [{ name: everything, match: { path: /** }, authenticate: [anonymous], upstream: echo }]
${more}`,
    codecUnderTest(),
  );

async function start(doors: string, files: Readonly<Record<string, string>> = {}) {
  const upstream: TestUpstream = await startUpstream();
  const gateway = await startGateway({ config: config(doors, upstream.url), files });
  onTestFinished(async () => {
    await gateway[Symbol.asyncDispose]();
    await upstream[Symbol.asyncDispose]();
  });
  const reload = async (next: string, more?: string) => {
    await writeFile(gateway.configFile, config(next, upstream.url, more));
    return gateway.running.reload("admin");
  };
  return { gateway, upstream, reload };
}

/** Of an answer on a connection of its own, or why there is none. */
const status = async (port: number, path = "/x"): Promise<number | string> =>
  send(`http://127.0.0.1:${port}${path}`, { headers: { connection: "close" } }).then(
    (answer) => answer.status,
    (error: NodeJS.ErrnoException) => error.code ?? "failed",
  );

const names = (gateway: TestGateway): readonly string[] => gateway.running.listeners.map(({ name }) => name);

describe("a reload", () => {
  it("opens a listener that is new and closes one that is gone, and the third does not notice", async () => {
    const [kept, gone, added] = [await freePort(), await freePort(), await freePort()];
    const { gateway, reload } = await start(door("kept", kept) + door("gone", gone));
    const agent = oneConnection();
    const local = async (): Promise<number | undefined> => {
      const { request, response } = begin(`http://127.0.0.1:${kept}/x`, { agent });
      request.end();
      await whole(await response);
      return request.socket?.localPort;
    };
    const connection = await local();
    const load = new SteadyLoad(`http://127.0.0.1:${kept}`, 4);
    expect(await status(gone)).toBe(200);
    expect(await reload(door("kept", kept) + door("added", added))).toMatchObject({ kind: "swapped", warnings: [] });
    expect([await status(added), await status(gone)]).toEqual([200, "ECONNREFUSED"]);
    expect(names(gateway)).toEqual(["kept", "added"]);
    expect(await local()).toBe(connection);
    expect((await load.stop()).failures).toEqual([]);
    const metric = await readMetrics(gateway);
    await vi.waitFor(() => expect(metric("sallyport_connections", { listener: "gone" })).toBe(0));
    agent.destroy();
  });

  it("gives the socket of a changed listener to the new one: nobody is refused under load", async () => {
    const port = await freePort();
    const { gateway, reload } = await start(door("public", port));
    const load = new SteadyLoad(`http://127.0.0.1:${port}`, 3);
    // a connection of its own for each, which are refused where nobody listens for a moment
    const fresh: (number | string)[] = [];
    for (let round = 1; round <= 10; round += 1) {
      const reloaded = reload(door("public", port, `, limits: { headers: ${100 + round} }`));
      for (let index = 0; index < 10; index += 1) fresh.push(await status(port));
      expect(await reloaded).toMatchObject({ kind: "swapped" });
    }
    expect(new Set(fresh)).toEqual(new Set([200]));
    const { sent, failures } = await load.stop();
    expect([sent > 20, failures]).toEqual([true, []]);
    expect(gateway.lines.filter(({ event }) => event === "listener_opened").length).toBeGreaterThanOrEqual(10);
  });

  it("lets a changed listener finish what it has, and new connections meet the new one", async () => {
    const held = Promise.withResolvers<ServerResponse>();
    await using slow = await startStreamingUpstream((request, response) => {
      if (request.url === "/held") held.resolve(response);
      else response.end("ok");
    });
    const port = await freePort();
    const { gateway } = await start(door("public", port));
    await writeFile(gateway.configFile, config(door("public", port), slow.url));
    await gateway.running.reload("admin");
    const { request, response } = begin(`http://127.0.0.1:${port}/held`);
    request.end();
    const atUpstream = await held.promise;
    await writeFile(gateway.configFile, config(door("public", port, ", limits: { uri_bytes: 1KiB }"), slow.url));
    expect(await gateway.running.reload("admin")).toMatchObject({ kind: "swapped" });
    expect(await status(port, `/${"x".repeat(2_000)}`)).toBe(414);
    atUpstream.end("finished");
    expect(await whole(await response)).toMatchObject({ status: 200, text: "finished" });
  });

  it("serves what still comes by a listener that is gone by the plan that knew it", async () => {
    const [kept, gone] = [await freePort(), await freePort()];
    const { reload } = await start(door("kept", kept) + door("gone", gone));
    const agent = oneConnection();
    const before = await send(`http://127.0.0.1:${gone}/x`, { agent });
    expect(before.status).toBe(200);
    await reload(door("kept", kept));
    const after = await send(`http://127.0.0.1:${gone}/x`, { agent });
    expect([after.status, after.headers["connection"]]).toEqual([200, "close"]);
    expect(await status(gone)).toBe("ECONNREFUSED");
    agent.destroy();
  });

  it("turns a plain listener into one with TLS on the same address, and back", async () => {
    const certificates = await testCertificates();
    const server = await certificates.server();
    const port = await freePort();
    const files = { "door.pem": server.cert, "door.key": server.key };
    const { gateway, reload } = await start(door("public", port), files);
    const withTls = door("public", port, ", tls: { certs: [{ cert_file: door.pem, key_file: door.key }] }");
    expect(await reload(withTls)).toMatchObject({ kind: "swapped" });
    expect(gateway.running.listeners[0]?.scheme).toBe("https");
    const { status: overTls } = await send(`https://localhost:${port}/x`, { tls: { rejectUnauthorized: false } });
    expect(overTls).toBe(200);
    expect(await reload(door("public", port))).toMatchObject({ kind: "swapped" });
    expect(await status(port)).toBe(200);
  });

  it("takes nothing more from connections without a certificate once their listener requires one", async () => {
    const certificates = await testCertificates();
    const server = await certificates.server();
    const port = await freePort();
    const files = { "door.pem": server.cert, "door.key": server.key, "ca.pem": certificates.ca };
    const tls = (more = ""): string =>
      door("internal", port, `, protocols: [http1, http2], tls: { certs: [{ cert_file: door.pem, key_file: door.key }]${more} }`);
    const { gateway, upstream, reload } = await start(tls(), files);
    const plain = connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false }).on("error", () => {});
    const session = connectHttp2(`https://127.0.0.1:${port}`, { rejectUnauthorized: false }).on("error", () => {});
    const ask = (path: string): void => {
      if (!session.destroyed && !session.closed)
        session
          .request({ ":path": `${path}/2` })
          .on("error", () => {})
          .resume();
      plain.write(`GET ${path}/1 HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    };
    ask("/before");
    await vi.waitFor(() => expect(gateway.exchanges()).toHaveLength(2));
    const closed = Promise.all([once(plain.resume(), "close"), once(session, "close")]);
    expect(await reload(tls(", client_ca_file: ca.pem, client_cert: required"))).toMatchObject({ kind: "swapped" });
    ask("/after");
    await closed;
    expect(upstream.seen.map(({ url }) => url).toSorted()).toEqual(["/before/1", "/before/2"]);
  });

  it("renames a listener in place", async () => {
    const port = await freePort();
    const { gateway, reload } = await start(door("before", port));
    expect(await status(port)).toBe(200);
    await reload(door("after", port));
    expect(await status(port, "/renamed")).toBe(200);
    expect((await gateway.lineWhere(({ path }) => path === "/renamed"))["listener"]).toBe("after");
  });
});

describe("a listener that cannot be opened", () => {
  it("has the reload refused whole: the plan and every other listener stay, and what was opened is closed again", async () => {
    const [kept, added] = [await freePort(), await freePort()];
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    const address = taken.address();
    const takenPort = typeof address === "object" && address !== null ? address.port : 0;
    const { gateway, reload } = await start(door("kept", kept));
    const outcome = await reload(
      door("kept", kept) + door("added", added) + door("late", takenPort),
      "max_captured_bytes: 9MiB\n",
    );
    expect(outcome).toMatchObject({
      kind: "rejected",
      issues: [expect.stringMatching(/^listener late cannot listen: .*EADDRINUSE/)],
    });
    expect([await status(kept), await status(added)]).toEqual([200, "ECONNREFUSED"]);
    expect(names(gateway)).toEqual(["kept"]);
    const ready = await send(`${gateway.adminUrl}/ready`);
    expect([ready.status, ready.json()["status"]]).toEqual([200, "degraded"]);
    taken.close();
    await once(taken, "close");
    expect(await gateway.running.reload("admin")).toMatchObject({ kind: "swapped" });
    expect([await status(added), await status(takenPort)]).toEqual([200, 200]);
  });

  it("is also one whose certificate cannot be used", async () => {
    const port = await freePort();
    const { reload } = await start(door("public", port));
    const outcome = await reload(door("public", port, ", tls: { certs: [{ cert_file: no.pem, key_file: no.key }] }"));
    expect(outcome).toMatchObject({ kind: "rejected" });
    expect(await status(port)).toBe(200);
  });
});
