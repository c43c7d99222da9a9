import { connect, type ClientHttp2Session } from "node:http2";
import type { Duplex } from "node:stream";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { H2C_PREAMBLE, startGateway, type TestGateway } from "../../support/start-gateway.ts";
import { openOnStream } from "../../support/websocket-http2.ts";
import {
  handshake,
  openWebSocket,
  OPCODES,
  startWebSocketUpstream,
  type WebSocketPeer,
  type WebSocketUpstream,
  type WireFrame,
} from "../../support/websocket-peer.ts";
import { bytesOf, CASES, MAX_MESSAGE_BYTES, type FrameCase } from "./cases.ts";

type End = WebSocketPeer<Duplex>;

/** Says that nothing of the case is still on its way. */
const SENTINEL = "no more of this case";

let upstream: WebSocketUpstream;
let gateway: TestGateway;
let session: ClientHttp2Session;

beforeAll(async () => {
  upstream = await startWebSocketUpstream();
  gateway = await startGateway({
    config: `${H2C_PREAMBLE}upstreams: { main: { endpoints: ["${upstream.url}"] } }
routes:
  - { name: all, match: { path: /** }, authenticate: [anonymous], upstream: main, websocket: { max_message_bytes: "${MAX_MESSAGE_BYTES / 1024}KiB" } }
`,
  });
  session = connect(gateway.url);
});

afterAll(async () => {
  session?.destroy();
  await gateway?.[Symbol.asyncDispose]();
  await upstream?.[Symbol.asyncDispose]();
});

/** Both ends of a new WebSocket, whoever is to write first; over HTTP/1.1, or a stream of HTTP/2 (RFC 8441). */
const WAYS: Readonly<Record<string, () => Promise<{ readonly sender: End; readonly receiver: End; readonly masks: boolean }>>> = {
  "by a client": async () => {
    const opened = upstream.opened();
    const client = await openWebSocket(gateway, handshake());
    return { sender: client, receiver: await opened, masks: true };
  },
  "by a client on a stream of HTTP/2": async () => {
    const opened = upstream.opened();
    const { peer } = await openOnStream(session, "/");
    return { sender: peer, receiver: await opened, masks: true };
  },
  "by an upstream": async () => {
    const opened = upstream.opened();
    const client = await openWebSocket(gateway, handshake());
    return { sender: await opened, receiver: client, masks: false };
  },
};

const seen = ({ final, reserved, opcode, payload }: WireFrame): string =>
  `${final ? "" : "part of "}${opcode}/${reserved}: ${payload.length} ${payload.subarray(0, 200).toString("hex")}`;

const written = ({ frames }: FrameCase): readonly string[] =>
  frames.map(({ final = true, reserved = 0, opcode, payload = "" }) =>
    seen({ final, reserved, opcode, payload: Buffer.from(payload) }),
  );

/** Frames up to the sentinel, a close frame or the end. */
async function framesOf(receiver: End): Promise<readonly WireFrame[]> {
  const frames: WireFrame[] = [];
  for (let frame = await receiver.next(); frame !== undefined; frame = await receiver.next()) {
    if (frame.opcode === OPCODES.pong && String(frame.payload) === SENTINEL) return frames;
    frames.push(frame);
    if (frame.opcode === OPCODES.close) return frames;
  }
  return frames;
}

async function write(sender: End, bytes: Buffer, chop = bytes.length): Promise<void> {
  for (let at = 0; at < bytes.length; at += chop) {
    await sender.write(bytes.subarray(at, at + chop));
    // pieces that are written at once travel as one
    if (chop < bytes.length) await new Promise((resolve) => setImmediate(resolve));
  }
}

/** What the gateway tells the other end of one that is at fault. */
const toldOther = (masks: boolean): number => (masks ? 1001 : 1011);

describe.each(Object.entries(WAYS))("what is written %s (RFC 6455)", (_way, open) => {
  it.each(CASES.filter(({ becomes }) => becomes === "passed").map((each) => [each.clause, each.name, each] as const))(
    "%s: passes as it is: %s",
    async (_clause, _name, given) => {
      const { sender, receiver, masks } = await open();
      try {
        const closes = given.frames.some(({ opcode }) => opcode === OPCODES.close);
        void write(sender, Buffer.concat(given.frames.map((frame) => bytesOf(frame, masks))), given.chop).then(() =>
          closes ? undefined : sender.send(OPCODES.pong, SENTINEL),
        );
        expect((await framesOf(receiver)).map(seen)).toEqual(written(given));
      } finally {
        for (const end of [sender, receiver]) end.socket.destroy();
      }
    },
  );

  it.each(CASES.filter(({ becomes }) => becomes !== "passed").map((each) => [each.clause, each.name, each] as const))(
    "%s: passes up to what is at fault, and both ends are told: %s",
    async (_clause, _name, given) => {
      const { sender, receiver, masks } = await open();
      try {
        void write(sender, Buffer.concat(given.frames.map((frame) => bytesOf(frame, masks))), given.chop);
        const told = framesOf(sender);
        const received = [...(await framesOf(receiver))];
        const last = received.pop();
        expect(last === undefined ? undefined : [last.opcode, last.payload.readUInt16BE(0)]).toEqual([
          OPCODES.close,
          toldOther(masks),
        ]);
        expect(received.map(seen)).toEqual(written({ ...given, frames: given.frames.slice(0, -1) }));
        const [close, ...more] = await told;
        expect([close?.opcode, close?.payload.readUInt16BE(0), more]).toEqual([OPCODES.close, given.becomes, []]);
      } finally {
        for (const end of [sender, receiver]) end.socket.destroy();
      }
    },
  );

  it("5.5.1: passes no further than its close frame", async () => {
    const { sender, receiver } = await open();
    await sender.close(1000, "bye");
    await sender.send(OPCODES.text, "one more thing");
    sender.socket.end();
    expect((await framesOf(receiver)).map(({ opcode }) => opcode)).toEqual([OPCODES.close]);
    await receiver.over;
    expect(receiver.frames).toHaveLength(1);
    for (const end of [sender, receiver]) end.socket.destroy();
  });
});
