import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  frameBytes,
  handshake,
  lineOf,
  openWebSocket,
  OPCODES,
  switching,
  type WebSocketPeer,
} from "../support/websocket-peer.ts";
import { readMetrics } from "./support/metrics.ts";
import { COMBINATIONS, webSocketPlace, type WebSocketPlace } from "./support/websocket-place.ts";

describe.each(COMBINATIONS)("a WebSocket through a $codec listener and the $upstreamClient client (C26)", (combination) => {
  let place: WebSocketPlace;

  beforeAll(async () => {
    place = await webSocketPlace(combination);
  });

  afterAll(async () => place?.[Symbol.asyncDispose]());

  it("is opened with canonical lines both ways, and carries frames both ways until it is closed", async () => {
    const { client, server } = await place.open("/auto/chat?x=1", {
      "Sec-WebSocket-Protocol": undefined,
      Connection: "keep-alive, Upgrade",
    });
    expect(server.head).toMatch(/^GET \/auto\/chat\?x=1 HTTP\/1\.1\r\n/);
    expect(lineOf(server.head, "upgrade")).toBe("websocket");
    expect(lineOf(server.head, "connection")?.toLowerCase()).toBe("upgrade");
    expect(lineOf(client.head, "upgrade")).toBe("websocket");
    await client.text("hello");
    expect(await server.nextText()).toBe("hello");
    await server.send(OPCODES.binary, Buffer.from([0, 255, 1]));
    expect(await client.next()).toMatchObject({ opcode: 2, payload: Buffer.from([0, 255, 1]) });
    await client.close(1000, "done");
    expect(await server.nextClose()).toEqual([1000, "done"]);
    await server.close(1000);
    server.socket.end();
    expect(await client.nextClose()).toEqual([1000, ""]);
    await client.over;
    client.socket.end();
    expect(await place.lineFor(client)).toMatchObject({
      status: 101,
      outcome: "forwarded",
      complete: true,
      websocket_closed_by: "client",
      websocket_close_code: 1000,
      request_bytes: 11 + 12,
      response_bytes: 5 + 4,
    });
  });

  it("echoes the subprotocol and the compression the upstream chose of those offered", async () => {
    place.answer = (head) =>
      switching(
        head,
        "Sec-WebSocket-Protocol: b\r\nSec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n",
      );
    const opened = place.upstream.opened();
    using client = await openWebSocket(
      place.gateway,
      handshake("/auto/x", {
        "Sec-WebSocket-Protocol": "a, b",
        "Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits",
      }),
    );
    const server = await opened;
    expect(lineOf(server.head, "sec-websocket-extensions")).toBe("permessage-deflate; client_max_window_bits");
    expect(lineOf(client.head, "sec-websocket-protocol")).toBe("b");
    expect(lineOf(client.head, "sec-websocket-extensions")).toBe("permessage-deflate; server_no_context_takeover");
    // compressed, as far as anybody between the two can see
    await client.send(OPCODES.text, "abc", { reserved: 4 });
    expect(await server.next()).toMatchObject({ reserved: 4, opcode: 1, payload: Buffer.from("abc") });
    await client.send(OPCODES.text, "abc", { reserved: 2 });
    expect(await client.nextClose()).toEqual([1002, "reserved bits"]);
  });

  it("carries messages in parts, with pings and pongs between them, and large ones byte for byte", async () => {
    const { client, server } = await place.open();
    await client.send(OPCODES.text, "one ", { final: false });
    await client.send(OPCODES.ping, "p");
    await client.send(OPCODES.continuation, "two ", { final: false });
    await client.send(OPCODES.continuation, "three");
    const frames = [await server.next(), await server.next(), await server.next(), await server.next()];
    expect(frames.map((frame) => [frame?.opcode, frame?.final, frame?.payload.toString()])).toEqual([
      [1, false, "one "],
      [9, true, "p"],
      [0, false, "two "],
      [0, true, "three"],
    ]);
    await server.send(OPCODES.pong, "p");
    expect(await client.next()).toMatchObject({ opcode: 10, payload: Buffer.from("p") });
    for (const length of [0, 125, 126, 127, 65_535, 65_536, 3_000_001]) {
      const bytes = Buffer.from(Array.from({ length }, (_, i) => (i * 31) & 255));
      await client.send(OPCODES.binary, bytes);
      const there = await server.next();
      expect(there?.payload.equals(bytes)).toBe(true);
      await server.send(OPCODES.binary, bytes);
      expect((await client.next())?.payload.equals(bytes)).toBe(true);
    }
    client.socket.destroy();
  });

  it("carries frames that come a byte at a time", async () => {
    const { client, server } = await place.open();
    for (const byte of Buffer.concat([frameBytes(OPCODES.text, "slow", true), frameBytes(OPCODES.ping, "", true)])) {
      await client.write(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await server.nextText()).toBe("slow");
    expect(await server.next()).toMatchObject({ opcode: 9 });
    client.socket.destroy();
  });

  it.each([
    [1000, ""],
    [1001, "away"],
    [1003, ""],
    [1007, ""],
    [1011, "broken"],
    [1014, ""],
    [3000, ""],
    [4999, "x".repeat(123)],
  ] as const)("hands close code %i on, either way", async (code, reason) => {
    const { client, server } = await place.open();
    await client.close(code, reason);
    expect(await server.nextClose()).toEqual([code, reason]);
    const { client: second, server: other } = await place.open();
    await other.close(code, reason);
    expect(await second.nextClose()).toEqual([code, reason]);
    for (const peer of [client, server, second, other]) peer.socket.destroy();
  });

  it.each<readonly [string, number, (client: WebSocketPeer) => Promise<void>]>([
    ["an unmasked frame", 1002, (client) => client.write(frameBytes(OPCODES.text, "x", false))],
    ["reserved bits", 1002, (client) => client.send(OPCODES.text, "x", { reserved: 4 })],
    ["an unknown opcode", 1002, (client) => client.send(3, "x")],
    ["an unknown control opcode", 1002, (client) => client.send(11, "x")],
    ["a ping in parts", 1002, (client) => client.send(OPCODES.ping, "x", { final: false })],
    ["a long ping", 1002, (client) => client.send(OPCODES.ping, "x".repeat(126))],
    ["a continuation of nothing", 1002, (client) => client.send(OPCODES.continuation, "x")],
    [
      "a message within a message",
      1002,
      (client) => client.send(OPCODES.text, "x", { final: false }).then(() => client.text("y")),
    ],
    ["a length that is not the shortest", 1002, (client) => client.send(OPCODES.text, "x", { longLength: true })],
    ["a close frame of one byte", 1002, (client) => client.send(OPCODES.close, "x")],
    ...[0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000].map(
      (code) => [`close code ${code}`, 1002, (client: WebSocketPeer) => client.close(code)] as const,
    ),
    ["a message that is too large", 1009, (client) => client.text("x".repeat(1025))],
    [
      "a message too large in parts",
      1009,
      (client) =>
        client.send(OPCODES.text, "x".repeat(1024), { final: false }).then(() => client.send(OPCODES.continuation, "x")),
    ],
  ])("is closed for %s of a client with %i; its upstream hears 1001 and nothing of the frame", async (_what, code, send) => {
    const { client, server } = await place.open("/small");
    await client.text("before");
    await send(client);
    expect((await client.nextClose())?.[0]).toBe(code);
    await client.over;
    expect(await server.nextText()).toBe("before");
    let frame = await server.next();
    // the beginning of a message in parts was as it must be
    if (frame?.opcode === 1) frame = await server.next();
    expect([frame?.opcode, frame?.payload.readUInt16BE(0)]).toEqual([8, 1001]);
    await server.over;
    client.socket.end();
    expect(await place.lineFor(client)).toMatchObject({
      level: "info",
      outcome: "closed",
      decided_by: "websocket",
      code: code === 1009 ? "body_too_large" : "bad_request",
      websocket_closed_by: "gateway",
      websocket_close_code: code,
    });
  });

  it.each<readonly [string, number, (server: WebSocketPeer) => Promise<void>]>([
    ["a masked frame", 1002, (server) => server.write(frameBytes(OPCODES.text, "x", true))],
    ["a message that is too large", 1009, (server) => server.text("x".repeat(2000))],
  ])("is closed for %s of an upstream with 1011 to the client, and %i to the upstream", async (_what, code, send) => {
    const { client, server } = await place.open("/small");
    await send(server);
    expect((await client.nextClose())?.[0]).toBe(1011);
    expect((await server.nextClose())?.[0]).toBe(code);
    client.socket.end();
    expect(await place.lineFor(client)).toMatchObject({ level: "warn", outcome: "closed", code: "upstream_invalid_response" });
  });

  it("says 1011 to the client where the upstream goes without a word, broken off or not", async () => {
    for (const go of ["end", "resetAndDestroy"] as const) {
      const { client, server } = await place.open();
      await server.text("last");
      expect(await client.nextText()).toBe("last");
      server.socket[go]();
      expect(await client.nextClose()).toEqual([1011, "the upstream is gone"]);
      await client.over;
      client.socket.end();
      expect(await place.lineFor(client)).toMatchObject({ websocket_closed_by: "upstream", websocket_close_code: 1006 });
    }
  });

  it("is half closed by a client that has said all, and lets the upstream finish", async () => {
    const { client, server } = await place.open();
    await client.text("all");
    client.socket.end();
    expect(await server.nextText()).toBe("all");
    await server.over;
    await server.text("still");
    await server.close(1000);
    server.socket.end();
    expect(await client.nextText()).toBe("still");
    expect(await client.nextClose()).toEqual([1000, ""]);
    await client.over;
    expect(await place.lineFor(client)).toMatchObject({ complete: true, websocket_closed_by: "client" });
  });

  it("lets the upstream go at once when its client is gone, and writes one line", async () => {
    const { client, server } = await place.open();
    const gone = new Promise((resolve) => server.socket.once("close", resolve));
    server.socket.once("end", () => server.socket.end());
    const begunMs = performance.now();
    client.socket.resetAndDestroy();
    await gone;
    expect(performance.now() - begunMs).toBeLessThan(500);
    expect(await place.lineFor(client)).toMatchObject({ status: 101, websocket_closed_by: "client", websocket_close_code: 1006 });
  });

  it("is closed with 1001 when neither end says anything for too long, and not while one does", async () => {
    const { client, server } = await place.open("/quiet");
    for (let i = 0; i < 6; i += 1) {
      await server.send(OPCODES.ping, "");
      await new Promise((resolve) => setTimeout(resolve, 60));
      expect(await client.next()).toMatchObject({ opcode: 9 });
    }
    expect(await client.nextClose()).toEqual([1001, "nothing was sent for too long"]);
    expect(await server.nextClose()).toEqual([1001, "nothing was sent for too long"]);
    client.socket.end();
    expect(await place.lineFor(client)).toMatchObject({ outcome: "closed", code: "request_timeout" });
  });

  it("makes a fast sender wait for a slow reader, either way, and loses nothing", async () => {
    const { client, server } = await place.open();
    const piece = Buffer.alloc(256 * 1024, 7);
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      to.socket.pause();
      let sent = 0;
      const sending = (async () => {
        for (; sent < 96; sent += 1) await from.send(OPCODES.binary, piece);
      })();
      // it comes to rest: what the kernel and the gateway hold between the two is less than this
      await new Promise((resolve) => setTimeout(resolve, 150));
      expect(sent).toBeLessThan(64);
      to.socket.resume();
      await sending;
      for (let i = 0; i < 96; i += 1) expect((await to.next())?.payload.byteLength).toBe(piece.byteLength);
    }
    client.socket.destroy();
  });

  it("is counted", async () => {
    const before = await readMetrics(place.gateway);
    expect(before("sallyport_websockets_closed_total", { end: "protocol" })).toBeGreaterThan(10);
    const { client, server } = await place.open();
    expect((await readMetrics(place.gateway))("sallyport_websockets_open", {})).toBeGreaterThanOrEqual(1);
    client.socket.destroy();
    server.socket.destroy();
    // those of which only the client went are given a while
    for (const socket of place.upstream.connections) socket.destroy();
    await expect.poll(async () => (await readMetrics(place.gateway))("sallyport_websockets_open", {})).toBe(0);
    await expect.poll(async () => (await readMetrics(place.gateway))("sallyport_in_flight_exchanges", {})).toBe(0);
  });
});
