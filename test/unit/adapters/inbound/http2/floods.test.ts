import { describe, expect, it } from "vitest";
import type { Response } from "../../../../../src/model/exchange.ts";
import { HeaderLines } from "../../../../../src/model/header-lines.ts";
import { FakeClock } from "../../../../support/fake-clock.ts";
import { startInbound, textResponse, type InboundChoice, type InboundUnderTest } from "../../../../support/inbound.ts";
import {
  FLAG,
  FRAME,
  frame,
  headerBlock,
  RawHttp2,
  requestFields,
  settings,
  word,
} from "../../../../support/raw-http2-client.ts";
import { turn } from "../../../../support/turn.ts";

const ENHANCE_YOUR_CALM = 11;

const start = (answer: Parameters<typeof startInbound>[0], choice: InboundChoice = {}): Promise<InboundUnderTest> =>
  startInbound(answer, { protocols: ["h2c"], ...choice });

const reset = (stream: number, code = 8): Buffer => frame(FRAME.reset, { stream, payload: word(code) });
const open = (stream: number, method = "GET", ends = true): Buffer =>
  frame(FRAME.headers, {
    flags: FLAG.endHeaders | (ends ? FLAG.endStream : 0),
    stream,
    payload: headerBlock(requestFields(`/${stream}`, [], method)),
  });

/** A connection of somebody who does nothing wrong: he is answered whatever another does. */
async function served(port: number, stream: number, known?: RawHttp2): Promise<RawHttp2> {
  const client = known ?? (await RawHttp2.connect(port));
  client.request(stream, requestFields("/good"));
  await client.until(() => client.of(FRAME.data, stream).length > 0);
  expect(client.of(FRAME.data, stream)).toHaveLength(1);
  return client;
}

/** Answers good requests at once, and others never. */
const good: Parameters<typeof startInbound>[0] = ({ requestTarget }, cancel) => {
  if (requestTarget === "/good") return textResponse("ok");
  const { promise, resolve } = Promise.withResolvers<Response>();
  cancel.onAbort(() => resolve(textResponse("nobody is there")));
  return promise;
};

/** Sends until the connection is gone, never more than `rounds`; a turn of the loop after each. */
async function pour(client: RawHttp2, rounds: number, bytesOf: (round: number) => Buffer): Promise<number> {
  let round = 0;
  for (; round < rounds && !client.socket.destroyed && client.goaway === undefined; round += 1) {
    client.send(bytesOf(round));
    await turn();
  }
  return round;
}

describe("a flood over HTTP/2", () => {
  it.each([
    ["PING frames", () => Buffer.concat(Array.from({ length: 100 }, () => frame(FRAME.ping, { payload: Buffer.alloc(8) })))],
    ["SETTINGS frames", () => Buffer.concat(Array.from({ length: 100 }, () => settings([4, 65_535])))],
    [
      "PRIORITY frames",
      () => Buffer.concat(Array.from({ length: 1000 }, () => frame(FRAME.priority, { stream: 99, payload: Buffer.alloc(5) }))),
    ],
    [
      "WINDOW_UPDATE frames",
      () => Buffer.concat(Array.from({ length: 1000 }, () => frame(FRAME.windowUpdate, { payload: word(1) }))),
    ],
    [
      "frames of unknown types",
      () => Buffer.concat(Array.from({ length: 100 }, () => frame(0x77, { payload: Buffer.alloc(200) }))),
    ],
  ])("of %s is ended with a GOAWAY, and others are served", async (_name, bytesOf) => {
    const clock = new FakeClock();
    await using inbound = await start(good, { clock });
    using neighbour = await served(inbound.port, 1);
    using flooder = await RawHttp2.connect(inbound.port);
    const rounds = await pour(flooder, 2_000, (round) => {
      if (round % 10 === 0) clock.advance(20);
      return bytesOf();
    });
    expect(rounds).toBeLessThan(2_000);
    await flooder.until(() => flooder.goaway !== undefined);
    expect(flooder.goaway).toBe(ENHANCE_YOUR_CALM);
    clock.advance(1_000);
    await flooder.closed;
    await served(inbound.port, 3, neighbour);
  });

  it("of empty DATA frames is ended with a GOAWAY", async () => {
    const clock = new FakeClock();
    await using inbound = await start(good, { clock });
    using flooder = await RawHttp2.connect(inbound.port);
    flooder.send(open(1, "POST", false));
    const empty = Buffer.concat(Array.from({ length: 1000 }, () => frame(FRAME.data, { stream: 1 })));
    await pour(flooder, 1_000, () => {
      clock.advance(2);
      return empty;
    });
    await flooder.until(() => flooder.goaway !== undefined);
    // Node's own bound, INTERNAL_ERROR, or ours
    expect([2, ENHANCE_YOUR_CALM]).toContain(flooder.goaway);
  });

  it.each([
    ["rapid resets", (stream: number) => Buffer.concat([open(stream), reset(stream)])],
    // a frame that is an error of the stream makes the server reset it (MadeYouReset)
    [
      "windows that overflow",
      (stream: number) => Buffer.concat([open(stream), frame(FRAME.windowUpdate, { stream, payload: word(2 ** 31 - 1) })]),
    ],
    [
      "windows that grow by nothing",
      (stream: number) => Buffer.concat([open(stream), frame(FRAME.windowUpdate, { stream, payload: word(0) })]),
    ],
    [
      "DATA behind the end",
      (stream: number) => Buffer.concat([open(stream), frame(FRAME.data, { stream, payload: Buffer.from("x") })]),
    ],
    [
      "streams that depend on themselves",
      (stream: number) =>
        Buffer.concat([
          open(stream),
          frame(FRAME.priority, { stream, payload: Buffer.concat([word(stream), Buffer.from([1])]) }),
        ]),
    ],
  ])("of %s ends the connection after some hundred at most", async (_name, bytesOf) => {
    const clock = new FakeClock();
    await using inbound = await start(good, { clock });
    using neighbour = await served(inbound.port, 1);
    using flooder = await RawHttp2.connect(inbound.port);
    const rounds = await pour(flooder, 1_000, (round) => bytesOf(2 * round + 1));
    expect(rounds).toBeLessThan(1_000);
    clock.advance(1_000);
    await flooder.closed;
    expect(inbound.received.length).toBeLessThan(320);
    await served(inbound.port, 3, neighbour);
  });

  it("of requests that are reset in the packet they came in runs none of them", async () => {
    await using inbound = await start(good);
    using client = await RawHttp2.connect(inbound.port);
    await client.until(() => client.of(FRAME.settings).length > 1);
    client.send(...Array.from({ length: 50 }, (_, i) => Buffer.concat([open(2 * i + 1), reset(2 * i + 1)])));
    await served(inbound.port, 1_001, client);
    expect(inbound.received.map(({ requestTarget }) => requestTarget)).toEqual(["/good"]);
  });

  it("of resets within what clients do now and then is not taken for one", async () => {
    const clock = new FakeClock();
    await using inbound = await start(good, { clock });
    using client = await RawHttp2.connect(inbound.port);
    for (let i = 0; i < 400; i += 1) {
      client.send(open(2 * i + 1), reset(2 * i + 1));
      await turn();
      clock.advance(30);
    }
    expect(client.goaway).toBeUndefined();
    await served(inbound.port, 1001, client);
  });

  it("of CONTINUATION frames is ended", async () => {
    await using inbound = await start(good);
    using neighbour = await served(inbound.port, 1);
    using flooder = await RawHttp2.connect(inbound.port);
    flooder.send(frame(FRAME.headers, { stream: 1, payload: headerBlock(requestFields()) }));
    const rounds = await pour(flooder, 10_000, (round) =>
      frame(FRAME.continuation, { stream: 1, payload: headerBlock([[`x-${round}`, "y".repeat(100)]]) }),
    );
    expect(rounds).toBeLessThan(10_000);
    await flooder.closed;
    expect(inbound.received).toHaveLength(1);
    await served(inbound.port, 3, neighbour);
  });

  it("of header blocks that unpack to much more than they are does not get through", async () => {
    await using inbound = await start(good);
    using client = await RawHttp2.connect(inbound.port);
    // one large field into the table, then a reference of one byte, again and again (RFC 7541 section 6.1)
    const large = Buffer.concat([Buffer.from([0x40]), headerBlock([["x-large", "y".repeat(3_900)]]).subarray(1)]);
    const payload = Buffer.concat([headerBlock(requestFields()), large, Buffer.alloc(10_000, 0x80 | 62)]);
    client.send(frame(FRAME.headers, { flags: FLAG.endHeaders | FLAG.endStream, stream: 1, payload }));
    await client.until(() => client.resetOf(1) !== undefined || client.goaway !== undefined);
    expect(inbound.received).toEqual([]);
  });
});

describe("a slow HTTP/2 client", () => {
  const big: Response = { status: 200, headers: HeaderLines.EMPTY, body: new Uint8Array(300_000) };

  it("that opens no window has its stream ended, and its exchange knows", async () => {
    const clock = new FakeClock();
    await using inbound = await start(() => big, { clock });
    // SETTINGS_INITIAL_WINDOW_SIZE 0
    using client = await RawHttp2.connect(inbound.port, settings([4, 0]));
    client.request(1);
    await client.until(() => client.of(FRAME.headers, 1).length > 0);
    await turn();
    expect(inbound.sent).toEqual([]);
    clock.advance(100_000);
    await client.until(() => client.resetOf(1) !== undefined);
    expect(inbound.sent).toMatchObject([{ completed: false }]);
  });

  it("that goes on reading, however little, is given time", async () => {
    const clock = new FakeClock();
    await using inbound = await start(() => big, { clock });
    using client = await RawHttp2.connect(inbound.port);
    client.request(1);
    let granted = 65_535;
    await client.until(() => bytesOf(client) === granted);
    while (granted < 300_000) {
      clock.advance(20_000);
      client.send(
        frame(FRAME.windowUpdate, { payload: word(30_000) }),
        frame(FRAME.windowUpdate, { stream: 1, payload: word(30_000) }),
      );
      granted = Math.min(300_000, granted + 30_000);
      await client.until(() => bytesOf(client) === granted);
    }
    await expect.poll(() => inbound.sent).toEqual([{ bytes: 300_000, completed: true }]);
  });

  it("that says nothing at all is not waited for", async () => {
    const clock = new FakeClock();
    await using inbound = await start(good, { clock });
    using client = await RawHttp2.connect(inbound.port, Buffer.alloc(0));
    await client.until(() => client.of(FRAME.settings).length > 0);
    clock.advance(12_000);
    await client.until(() => client.goaway !== undefined);
    clock.advance(1_500);
    await client.closed;
  });

  it("that has no request for long is sent off, and not before", async () => {
    const clock = new FakeClock();
    await using inbound = await start(good, { clock });
    using client = await served(inbound.port, 1);
    clock.advance(59_000);
    await served(inbound.port, 3, client);
    clock.advance(59_000);
    await turn();
    expect(client.goaway).toBeUndefined();
    // what asks for nothing keeps no connection open
    client.send(frame(FRAME.ping, { payload: Buffer.alloc(8) }));
    await client.until(() => client.of(FRAME.ping).length > 0);
    clock.advance(2_000);
    await client.until(() => client.goaway !== undefined);
    expect(client.goaway).toBe(0);
  });
});

describe("an HTTP/2 connection that served many", () => {
  it("ends behind its ten thousandth request, with all of them answered", async () => {
    await using inbound = await start(() => textResponse("ok"));
    using client = await RawHttp2.connect(inbound.port);
    await client.until(() => client.of(FRAME.settings).length > 1);
    for (let from = 0; from < 10_000; from += 50) {
      client.send(...Array.from({ length: 50 }, (_, i) => open(2 * (from + i) + 1)));
      const last = 2 * (from + 49) + 1;
      await client.until(() => client.of(FRAME.data, last).length > 0);
    }
    await client.closed;
    const [goaway] = client.of(FRAME.goaway);
    expect([goaway?.payload.readUInt32BE(0), goaway?.payload.readUInt32BE(4)]).toEqual([19_999, 0]);
    expect(inbound.sent.filter(({ completed }) => completed)).toHaveLength(10_000);
  }, 30_000);
});

const bytesOf = (client: RawHttp2): number =>
  client.of(FRAME.data, 1).reduce((bytes, { payload }) => bytes + payload.byteLength, 0);
