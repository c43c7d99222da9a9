import { status } from "@grpc/grpc-js";
import { writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FEED_DESCRIPTORS } from "../support/feed-api.ts";
import { RawClient } from "../support/raw-http.ts";
import { feedConfig, startFeed, type Feed } from "../support/start-feed.ts";
import { startGateway, type TestGateway } from "../support/start-gateway.ts";

const place = async (path: string, text: string): Promise<void> => {
  await writeFile(join(dirname(path), "feed.binpb"), FEED_DESCRIPTORS);
  await writeFile(path, text);
};

const event = (id: number, text: string): string =>
  `id: ${id}\nevent: newNote\ndata: {"sequence":"${id}","newNote":{"text":"${text}"}}\n\n`;

describe("a gRPC server stream as events a client can go on with", () => {
  let feed: Feed;
  let gateway: TestGateway;

  beforeAll(async () => {
    feed = await startFeed();
    gateway = await startGateway({ place, config: feedConfig(feed.port, ", terminal: done, retry: 100ms, keep_alive: 150ms") });
  });

  afterAll(async () => {
    for (const part of [gateway, feed]) await part?.[Symbol.asyncDispose]();
  });

  const ask = async (path: string, lines = ""): Promise<RawClient> => {
    const client = await RawClient.connect(Number(new URL(gateway.url).port));
    client.send(
      `GET /topics/${path} HTTP/1.1\r\nHost: gateway.test\r\nAccept: text/event-stream\r\nConnection: close\r\n${lines}\r\n`,
    );
    return client;
  };

  /** The body of a chunked answer. */
  const bodyOf = (answer: string): string =>
    answer
      .slice(answer.indexOf("\r\n\r\n") + 4)
      .replaceAll(/(?:^|\r\n)[0-9a-f]+\r\n/g, "")
      .replace(/\r\n$/, "");

  const follow = (topic: string, lastId?: string): Promise<Response> =>
    fetch(`${gateway.url}/topics/${topic}`, {
      headers: { accept: "text/event-stream", ...(lastId === undefined ? {} : { "last-event-id": lastId }) },
    });

  it("shows where things stand, what there was, what comes, and that it is over", async () => {
    feed.publish("whole", "a", "b");
    using client = await ask("whole");
    await client.until((text) => text.includes(event(2, "b")));
    feed.publish("whole", "c");
    feed.finish("whole");
    const answer = await client.toEnd();
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    expect(answer).toMatch(/content-type: text\/event-stream\r\n/i);
    expect(bodyOf(answer)).toBe(
      `retry: 100\n\nevent: snapshot\ndata: {"snapshot":{"notes":2}}\n\n${event(1, "a")}${event(2, "b")}${event(3, "c")}` +
        "id: 3!end\nevent: done\ndata: {}\n\n",
    );
  });

  it("goes on behind the last id, and says that there is nothing more to whoever has seen all", async () => {
    feed.publish("told", "a", "b");
    feed.finish("told");
    const missed = await follow("told", "1");
    expect([missed.status, await missed.text()]).toEqual([
      200,
      `retry: 100\n\n${event(2, "b")}id: 2!end\nevent: done\ndata: {}\n\n`,
    ]);
    const all = await follow("told", "2");
    expect([all.status, await all.text()]).toEqual([200, "id: 2!end\nevent: done\ndata: {}\n\n"]);
    const over = await follow("told", "2!end");
    expect([over.status, await over.text()]).toEqual([204, ""]);
  });

  it.each([
    ["a service that says no", "none", undefined, 404],
    ["a last id that is none", "whole", "1;2", 400],
  ])("answers %s as any other request", async (_name, topic, lastId, code) => {
    const answer = await follow(topic, lastId);
    expect([answer.status, answer.headers.get("content-type")?.includes("json")]).toEqual([code, true]);
  });

  it("tells a failure in the middle as the last event, ends the stream, and shows none of the service's words", async () => {
    feed.publish("broken", "a");
    using client = await ask("broken");
    await client.until((text) => text.includes(event(1, "a")));
    feed.fail("broken", status.INTERNAL, "disk 7 is full");
    const answer = await client.toEnd();
    expect(bodyOf(answer)).toMatch(/event: error\ndata: \{.*"code":"upstream_error".*\}\n\n(?:0\r\n\r\n)?$/);
    expect(answer.endsWith("0\r\n\r\n")).toBe(true);
    expect(answer).not.toMatch(/disk 7|event: done/);
    const line = await gateway.lineWhere((each) => each.event === "exchange" && each["path"] === "/topics/broken");
    expect(line).toMatchObject({ status: 200, cause: "the call ended with status 13" });
  });

  it("says something when nothing happens", async () => {
    feed.publish("quiet", "a");
    using client = await ask("quiet");
    expect(await client.until((text) => text.includes(": keep-alive\n\n"))).toContain(event(1, "a"));
  });

  it("stands as soon as the service sends a head", async () => {
    using client = await ask("eager");
    expect(await client.until((text) => text.includes("retry: 100"))).toMatch(/^HTTP\/1\.1 200 /);
  });

  it("ends the call when the client leaves", async () => {
    feed.publish("left", "a");
    const client = await ask("left");
    await client.until((text) => text.includes(event(1, "a")));
    expect(feed.openOf("left")).toBe(1);
    client.socket.destroy();
    await expect.poll(() => feed.openOf("left"), { timeout: 2_000 }).toBe(0);
  });

  it("makes the service wait for a client that does not read, and loses nothing when it does", async () => {
    using client = await ask("flood");
    client.socket.pause();
    let seen = -1;
    await expect.poll(() => [seen === feed.flooded, (seen = feed.flooded)][0], { interval: 200, timeout: 10_000 }).toBe(true);
    expect(feed.flooded).toBeLessThan(300);
    let [last, rest] = [0, ""];
    client.socket.removeAllListeners("data").on("data", (piece: Buffer) => {
      const text = rest + piece.toString("latin1");
      for (const [, id] of text.matchAll(/\nid: (\d+)\n/g)) {
        if (Number(id) !== last + 1) throw new Error(`${id} behind ${last}`);
        last += 1;
      }
      rest = text.slice(text.lastIndexOf("\n"));
    });
    client.socket.resume();
    await client.closed;
    expect(last).toBe(512);
  });

  it("has nothing to show where only the head is asked for, and leaves no call open", async () => {
    feed.publish("head", "a");
    const answer = await fetch(`${gateway.url}/topics/head`, { method: "HEAD", headers: { accept: "text/event-stream" } });
    expect([answer.status, answer.headers.get("content-type"), await answer.text()]).toEqual([200, "text/event-stream", ""]);
    await expect.poll(() => feed.openOf("head")).toBe(0);
  });

  it("is lines for whoever takes no events", async () => {
    feed.publish("plain", "a");
    feed.finish("plain");
    const lines = await fetch(`${gateway.url}/topics/plain`);
    expect(await lines.text()).toBe('{"snapshot":{"notes":1}}\n{"sequence":"1","newNote":{"text":"a"}}\n');
  });
});

describe("a gateway that stops", () => {
  it("ends such streams between two events, so that their clients come back elsewhere", async () => {
    await using feed = await startFeed();
    const gateway = await startGateway({
      place,
      config: feedConfig(feed.port).replace("upstream: feed\n", "upstream: feed\n    streaming: sse\n"),
    });
    feed.publish("a", "x");
    // the route says that its streams are events: nothing has to be accepted
    const answer = await fetch(`${gateway.url}/topics/a`);
    expect(answer.headers.get("content-type")).toBe("text/event-stream");
    const text = answer.text();
    await expect.poll(() => feed.openOf("a")).toBe(1);
    const stopping = gateway[Symbol.asyncDispose]();
    expect(await text).toBe(`retry: 3000\n\nevent: snapshot\ndata: {"snapshot":{"notes":1}}\n\n${event(1, "x")}`);
    await stopping;
    await expect.poll(() => feed.openOf("a")).toBe(0);
  });
});
