import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { connect } from "node:net";
import { describe, expect, it, vi } from "vitest";
import { begin, oneConnection, send, whole } from "../support/http-client.ts";
import { listening, startSallyport, type Listening, type RunningSallyport } from "../support/start-sallyport.ts";
import { startStreamingUpstream } from "../support/start-streaming-upstream.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

/** A `sallyport run` process in front of an upstream; `drain` may bring further keys. */
async function running(upstream: string, drain: string): Promise<{ process: RunningSallyport; at: Listening } & AsyncDisposable> {
  const directory = await temporaryDirectory();
  await writeFile(
    directory.file("gateway.yaml"),
    `version: 1
listeners: [{ name: public, address: "127.0.0.1:0" }]
admin: { address: "127.0.0.1:0", token_file: admin-token }
drain: ${drain}
upstreams: { slow: { endpoints: ["${upstream}"] } }
routes: [{ name: everything, match: { path: /** }, authenticate: [anonymous], upstream: slow }]
`,
  );
  const process = startSallyport(["run", "gateway.yaml", "--json"], { cwd: directory.path });
  try {
    return {
      process,
      at: await listening(process),
      async [Symbol.asyncDispose]() {
        await process[Symbol.asyncDispose]();
        await directory[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await process[Symbol.asyncDispose]();
    throw error;
  }
}

const isRefused = async (url: string): Promise<boolean> => {
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  try {
    await once(socket, "connect");
    return false;
  } catch {
    return true;
  } finally {
    socket.destroy();
  }
};

const draining = (process: RunningSallyport): Promise<void> =>
  process.until(({ stdout }) => stdout.includes('"event":"draining"'));

describe("SIGTERM", () => {
  it("lets what is under way finish, takes nothing new, says so at /ready, and ends with code 0", async () => {
    const held = Promise.withResolvers<ServerResponse>();
    await using upstream = await startStreamingUpstream((_request, response) => held.resolve(response));
    await using gateway = await running(upstream.url, "20s");
    const { process, at } = gateway;
    expect((await send(`${at.adminUrl}/ready`)).status).toBe(200);
    const { request, response } = begin(`${at.url}/held`);
    request.end();
    const atUpstream = await held.promise;

    process.signal("SIGTERM");
    await draining(process);
    const ready = await send(`${at.adminUrl}/ready`);
    expect([ready.status, ready.json()["status"]]).toEqual([503, "not_ready"]);
    expect(ready.json()["checks"]).toContainEqual({ name: "drain", ok: false, critical: true, reason: "draining" });
    expect((await send(`${at.adminUrl}/health`)).status).toBe(200);
    await vi.waitFor(async () => expect(await isRefused(at.url)).toBe(true), { timeout: 5_000 });

    atUpstream.end("finished");
    const answer = await whole(await response);
    expect([answer.status, answer.text, answer.headers["connection"]]).toEqual([200, "finished", "close"]);
    expect(await process.endsWithin(40_000)).toEqual({ code: 0, signal: null });
    expect(process.lines().map(({ event }) => event)).toEqual(["draining", "exchange", "stopped"]);
  });

  it("still takes new connections while `drain_delay` lasts, and says at /ready that it should be sent none", async () => {
    await using upstream = await startStreamingUpstream((_request, response) => void response.end("ok"));
    await using gateway = await running(upstream.url, "5s\ndrain_delay: 1s");
    const { process, at } = gateway;
    const beganMs = performance.now();
    process.signal("SIGTERM");
    await draining(process);
    expect((await send(`${at.adminUrl}/ready`)).status).toBe(503);
    const answer = await send(`${at.url}/x`);
    expect([answer.status, answer.text]).toEqual([200, "ok"]);
    await vi.waitFor(async () => expect(await isRefused(at.url)).toBe(true), { timeout: 5_000 });
    expect(performance.now() - beganMs).toBeGreaterThan(900);
    expect(await process.endsWithin(40_000)).toEqual({ code: 0, signal: null });
  });

  it("cuts what does not finish in time, and still ends with code 0", async () => {
    const arrived = Promise.withResolvers<void>();
    await using upstream = await startStreamingUpstream(() => arrived.resolve());
    await using gateway = await running(upstream.url, "300ms");
    const { process, at } = gateway;
    const { request, response } = begin(`${at.url}/never`);
    request.end();
    await arrived.promise;
    process.signal("SIGTERM");
    await expect(response).rejects.toThrow();
    expect(await process.endsWithin(40_000)).toEqual({ code: 0, signal: null });
    expect(process.lines().find(({ event }) => event === "exchange")).toMatchObject({ path: "/never", complete: false });
  });

  it("under load drops no request: each is answered whole, or its connection was never taken", async () => {
    await using upstream = await startStreamingUpstream((_request, response) => void response.end("ok"));
    await using gateway = await running(upstream.url, "10s");
    const { process, at } = gateway;
    let answered = 0;
    const troubles: string[] = [];
    const client = async (): Promise<void> => {
      const agent = oneConnection();
      for (;;) {
        try {
          const { status, text } = await send(`${at.url}/x`, { agent });
          if (status === 200 && text === "ok") answered += 1;
          else troubles.push(`${status} ${text}`);
        } catch (error) {
          if (error instanceof Error && "code" in error && error.code === "ECONNREFUSED") break;
          troubles.push(String(error));
        }
      }
      agent.destroy();
    };
    const clients = [client(), client(), client(), client()];
    await vi.waitFor(() => expect(answered).toBeGreaterThan(50), { timeout: 10_000 });
    process.signal("SIGINT");
    await Promise.all(clients);
    expect(troubles).toEqual([]);
    expect(await process.endsWithin(40_000)).toEqual({ code: 0, signal: null });
    // and each of them is in the log
    expect(process.lines().filter(({ event }) => event === "exchange")).toHaveLength(answered);
  });
});
