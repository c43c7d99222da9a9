import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { connect, createServer, type Socket } from "node:net";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type * as EventSourceModule from "eventsource";
import { afterEach, describe, expect, it } from "vitest";
import { FEED_DESCRIPTORS } from "../support/feed-api.ts";
import { freePort } from "../support/free-port.ts";
import { feedConfig, startFeed, type Feed } from "../support/start-feed.ts";
import { startGateway, type TestGateway } from "../support/start-gateway.ts";

const isInstalled = existsSync(fileURLToPath(new URL("node_modules/eventsource/package.json", import.meta.url)));

const title = `EventSource against a gRPC stream${isInstalled ? "" : " (SKIPPED: `npm ci --ignore-scripts` in test/compat installs it)"}`;

/** What stands between a client and the gateway, and can be cut as networks are. */
async function startBetween(port: number): Promise<AsyncDisposable & { readonly port: number; cut(): void }> {
  const sockets = new Set<Socket>();
  const cut = (): void => sockets.forEach((socket) => socket.destroy());
  const server = createServer((near) => {
    const far = connect(port, "127.0.0.1");
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket);
      socket.on("error", () => {}).on("close", () => void (sockets.delete(socket), other.destroy()));
    }
    near.pipe(far);
    far.pipe(near);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    cut,
    async [Symbol.asyncDispose]() {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

describe.skipIf(!isInstalled)(title, async () => {
  // a name the type checker need not find
  const packageName = "eventsource";
  const { EventSource } = (isInstalled ? await import(packageName) : {}) as typeof EventSourceModule; // installed, or nothing here runs
  const open: AsyncDisposable[] = [];

  afterEach(async () => {
    for (const each of open.splice(0).toReversed()) await each[Symbol.asyncDispose]();
  });

  const gatewayOn = async (port: number, feed: Feed): Promise<TestGateway> => {
    const config = `version: 1
listeners: [{ name: public, address: "127.0.0.1:${port}" }]
admin: { address: "127.0.0.1:0", token_file: admin-token }
drain: 1s
${feedConfig(feed.port, ", terminal: done, retry: 100ms")}`;
    const gateway = await startGateway({
      config,
      place: async (path, text) => {
        await writeFile(join(dirname(path), "feed.binpb"), FEED_DESCRIPTORS);
        await writeFile(path, text);
      },
    });
    open.push(gateway);
    return gateway;
  };

  /** A client that remembers: never closes by itself. */
  const follow = (port: number, topic: string) => {
    const source = new EventSource(`http://127.0.0.1:${port}/topics/${topic}`);
    open.push({ [Symbol.asyncDispose]: async () => source.close() });
    const ids: string[] = [];
    const names: string[] = [];
    const errors: string[] = [];
    for (const name of ["snapshot", "newNote", "done"])
      source.addEventListener(name, ({ lastEventId }) => {
        names.push(name);
        if (name === "newNote") ids.push(lastEventId);
      });
    source.addEventListener("error", (event) => void errors.push(String("data" in event ? event.data : event.code)));
    return { source, ids, names, errors };
  };

  const upTo = (count: number): string[] => Array.from({ length: count }, (_, at) => String(at + 1));

  it("loses nothing and gets nothing twice when connections are cut and the gateway is another one in between", async () => {
    const feed = await startFeed();
    open.push(feed);
    const port = await freePort();
    const first = await gatewayOn(port, feed);
    const between = await startBetween(port);
    open.push(between);
    feed.publish("all", ...upTo(5));
    const client = follow(between.port, "all");
    await expect.poll(() => client.ids).toEqual(upTo(5));
    // cut, and published to while it is away
    between.cut();
    feed.publish("all", ...upTo(7).slice(5));
    await expect.poll(() => client.ids, { timeout: 5_000 }).toEqual(upTo(7));
    // the gateway goes, and another one comes to its place
    const stopping = first[Symbol.asyncDispose]();
    feed.publish("all", "8");
    await stopping;
    feed.publish("all", "9");
    await gatewayOn(port, feed);
    await expect.poll(() => client.ids, { timeout: 5_000 }).toEqual(upTo(9));
    between.cut();
    feed.publish("all", "10");
    feed.finish("all");
    await expect.poll(() => client.source.readyState, { timeout: 5_000 }).toBe(EventSource.CLOSED);
    expect(client.ids).toEqual(upTo(10));
    expect(client.names.filter((name) => name !== "newNote")).toEqual(["snapshot", "done"]);
  });

  it("hears of an error in the middle, comes back, and is told for good when there is nothing any more", async () => {
    const feed = await startFeed();
    open.push(feed);
    const port = await freePort();
    await gatewayOn(port, feed);
    feed.publish("broken", "1");
    const client = follow(port, "broken");
    await expect.poll(() => client.ids).toEqual(["1"]);
    feed.fail("broken", 13, "disk 7 is full");
    feed.publish("broken", "2");
    await expect.poll(() => client.ids, { timeout: 5_000 }).toEqual(["1", "2"]);
    const [told = ""] = client.errors;
    expect([told.includes('"code":"upstream_error"'), told.includes("disk 7")]).toEqual([true, false]);
    const nobody = follow(port, "none");
    await expect.poll(() => nobody.source.readyState).toBe(EventSource.CLOSED);
    expect(nobody.errors).toEqual(["404"]);
  });
});
