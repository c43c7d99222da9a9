import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RawClient } from "../support/raw-http.ts";
import { frameBytes, handshake, KEY, lineOf, openWebSocket, OPCODES, switching } from "../support/websocket-peer.ts";
import { COMBINATIONS, webSocketPlace, type WebSocketPlace } from "./support/websocket-place.ts";

describe.each(COMBINATIONS)(
  "a WebSocket handshake through a $codec listener and the $upstreamClient client (C26)",
  (combination) => {
    let place: WebSocketPlace;

    beforeAll(async () => {
      place = await webSocketPlace(combination);
    });

    afterAll(async () => place?.[Symbol.asyncDispose]());

    it("loses no byte behind the handshake, of either side, and lets none pass before the 101", async () => {
      const asked = Promise.withResolvers<string>();
      const go = Promise.withResolvers<void>();
      let before = "";
      place.answer = async (head, socket) => {
        socket.on("data", (bytes) => (before += bytes.toString("latin1")));
        socket.resume();
        asked.resolve(head);
        await go.promise;
        return `${switching(head)}${frameBytes(OPCODES.text, "at once", false).toString("latin1")}`;
      };
      const early = frameBytes(OPCODES.text, "early", true);
      const opening = openWebSocket(place.gateway, handshake("/auto/early"), { behind: early });
      await asked.promise;
      // long enough for bytes to come by, were they let
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect(before).toBe("");
      go.resolve();
      using client = await opening;
      expect(client.head).toMatch(/^HTTP\/1\.1 101 /);
      expect(await client.nextText()).toBe("at once");
      await expect.poll(() => before).toBe(early.toString("latin1"));
    });

    it.each<readonly [string, string]>([
      ["another version", handshake("/auto/x", { "Sec-WebSocket-Version": "12" })],
      ["no version", handshake("/auto/x", { "Sec-WebSocket-Version": undefined })],
      ["no key", handshake("/auto/x", { "Sec-WebSocket-Key": undefined })],
      ["a key of 15 bytes", handshake("/auto/x", { "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAA" })],
      ["a key with bits behind its 16 bytes", handshake("/auto/x", { "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZR==" })],
      ["two keys", handshake("/auto/x", { "X: 1\r\nSec-WebSocket-Key": KEY })],
      ["a subprotocol twice", handshake("/auto/x", { "Sec-WebSocket-Protocol": "a, b, a" })],
      ["a subprotocol that is no token", handshake("/auto/x", { "Sec-WebSocket-Protocol": "a/b" })],
    ])("is refused with 400 to a handshake with %s, and no upstream asked", async (_what, text) => {
      const asked = place.upstream.heads.length;
      using client = await openWebSocket(place.gateway, text);
      expect(client.head).toMatch(/^HTTP\/1\.1 400 /);
      expect(lineOf(client.head, "sec-websocket-version")).toBe("13");
      await client.over;
      expect(place.upstream.heads.length).toBe(asked);
    });

    it.each<readonly [string, string]>([
      ["h2c", handshake("/auto/x", { Upgrade: "h2c", "HTTP2-Settings": "AAMAAABkAARAAAAAAAIAAAAA" })],
      ["another protocol", handshake("/auto/x", { Upgrade: "tcp" })],
      ["several protocols", handshake("/auto/x", { Upgrade: "websocket, h2c" })],
      ["several protocols in lines", handshake("/auto/x", { "Upgrade: h2c\r\nUpgrade": "websocket" })],
      ["no Connection to name it", handshake("/auto/x", { Connection: "keep-alive" })],
      ["a body", handshake("/auto/x", { "Content-Length": "2" })],
      ["HTTP/1.0", handshake("/auto/x").replace("HTTP/1.1", "HTTP/1.0")],
      ["POST", handshake("/auto/x", { "Content-Length": "0" }).replace("GET", "POST")],
      ["a route without streams", handshake("/none/x")],
    ])("never comes of %s: it is the ordinary request it also is, and its connection closes", async (_what, text) => {
      place.answer = (head) =>
        lineOf(head, "upgrade") === undefined ? "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" : switching(head);
      using client = await RawClient.connect(Number(new URL(place.gateway.url).port));
      client.send(`${text}{}\x81\x80aaaa`);
      const received = await client.toEnd();
      expect(received).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\nok$/);
    });

    it("does not come of a handshake sent ahead behind another request", async () => {
      const go = Promise.withResolvers<void>();
      place.answer = async (head) => {
        if (head.includes("/first")) await go.promise;
        return lineOf(head, "upgrade") === undefined ? "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" : switching(head);
      };
      using client = await RawClient.connect(Number(new URL(place.gateway.url).port));
      client.send(`GET /auto/first HTTP/1.1\r\nHost: gateway.test\r\n\r\n${handshake("/auto/second")}`);
      await expect.poll(() => place.upstream.heads.some((head) => head.includes("/auto/first"))).toBe(true);
      go.resolve();
      await client.toEnd();
      expect(client.statuses).toEqual([200, 200]);
    });

    it("comes of a handshake on a connection that was used before", async () => {
      place.answer = (head) =>
        lineOf(head, "upgrade") === undefined ? "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" : undefined;
      using client = await RawClient.connect(Number(new URL(place.gateway.url).port));
      client.send("GET /auto/first HTTP/1.1\r\nHost: gateway.test\r\n\r\n");
      await client.until((received) => received.endsWith("ok"));
      const opened = place.upstream.opened();
      client.send(handshake("/auto/second"));
      await client.until((received) => received.includes("101 Switching Protocols\r\n"));
      await (await opened).text("hi");
      await client.until((received) => received.endsWith("\x81\x02hi"));
    });

    it.each<readonly [string, (head: string) => string]>([
      ["another accept", () => switching("Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n")],
      ["no accept", (head) => switching(head).replace(/Sec-WebSocket-Accept.*\r\n/, "")],
      ["two accepts", (head) => switching(head, /Sec-WebSocket-Accept.*\r\n/.exec(switching(head))?.[0])],
      ["another protocol", (head) => switching(head).replace("Upgrade: websocket", "Upgrade: h2c")],
      ["no Upgrade", (head) => switching(head).replace("Upgrade: websocket\r\n", "")],
      ["no Connection", (head) => switching(head).replace("Connection: Upgrade", "Connection: keep-alive")],
      ["a subprotocol nobody offered", (head) => switching(head, "Sec-WebSocket-Protocol: c\r\n")],
      ["two subprotocols", (head) => switching(head, "Sec-WebSocket-Protocol: a\r\nSec-WebSocket-Protocol: b\r\n")],
      ["an extension nobody offered", (head) => switching(head, "Sec-WebSocket-Extensions: permessage-deflate\r\n")],
      ["a length", (head) => switching(head, "Content-Length: 5\r\n")],
      ["a coding", (head) => switching(head, "Transfer-Encoding: chunked\r\n")],
    ])("does not come of a 101 with %s: 502, and the upstream is let go", async (_what, make) => {
      const gone = Promise.withResolvers<void>();
      place.answer = (head, socket) => {
        socket.once("end", () => gone.resolve()).once("close", () => gone.resolve());
        return make(head);
      };
      const text = handshake("/auto/x", { "Sec-WebSocket-Protocol": "a, b" });
      using client = await RawClient.connect(Number(new URL(place.gateway.url).port));
      client.send(text);
      expect(await client.toEnd()).toMatch(/^HTTP\/1\.1 502 [^]*"code":"upstream_invalid_response","retryable":false/);
      await gone.promise;
    });

    it("does not come of a 101 nobody asked for", async () => {
      place.answer = () => switching("Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n");
      using client = await RawClient.connect(Number(new URL(place.gateway.url).port));
      client.send("GET /auto/x HTTP/1.1\r\nHost: gateway.test\r\nConnection: close\r\n\r\n");
      expect(await client.toEnd()).toMatch(/^HTTP\/1\.1 502 /);
    });

    it("hands a refusal of the upstream on as it is", async () => {
      place.answer = () => "HTTP/1.1 403 Forbidden\r\nX-Why: because\r\nContent-Length: 2\r\n\r\nno";
      using client = await RawClient.connect(Number(new URL(place.gateway.url).port));
      client.send(handshake("/auto/x"));
      expect(await client.toEnd()).toMatch(/^HTTP\/1\.1 403 Forbidden\r\n[^]*x-why: because\r\n[^]*\r\n\r\nno$/i);
    });
  },
);
