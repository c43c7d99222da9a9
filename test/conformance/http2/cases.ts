import type { RawFields } from "../../support/http2-fates.ts";
import { FLAG, FRAME, frame, headerBlock, PREFACE, requestFields, settings, word } from "../../support/raw-http2-client.ts";
import { packedCases } from "./header-blocks.ts";

/** Of the connection, and so of its requests. */
export type Scheme = "http" | "https";

/** What must become of a connection that sent a case's bytes. */
export type Wanted =
  /** The connection ends; a GOAWAY, where one comes, has this code. */
  | { readonly kind: "connection-error"; readonly code: number }
  /** The stream is reset with this code, or the connection ends as for an error of its own (section 5.4.1). */
  | { readonly kind: "stream-error"; readonly code: number }
  /** As an error of the stream, or answered 400: malformed, and nothing of it is served (section 8.1.1). */
  | { readonly kind: "refused" }
  /** The stream is answered 200 and the connection goes on. */
  | { readonly kind: "served" }
  /** No answer to the stream; the connection goes on. */
  | { readonly kind: "ignored" };

/** Bytes behind the preface, what must become of them, and which section says so: of RFC 9113 where it does not say 7541. */
export interface Http2Case {
  readonly section: string;
  readonly name: string;
  /** Default: the preface and empty SETTINGS. */
  readonly opening?: Buffer;
  readonly bytes: Buffer;
  readonly stream: number;
  readonly wanted: Wanted;
}

const [NO_PROTOCOL, FLOW, CLOSED, SIZE, COMPRESSION] = [1, 3, 5, 6, 9];
const PUSH_PROMISE = 5;
const UNKNOWN = 0xf0;
const { endStream: ES, endHeaders: EH, padded: PADDED, ack: ACK } = FLAG;
const PRIORITY_FLAG = 0x20;

const connectionError = (code: number): Wanted => ({ kind: "connection-error", code });
const streamError = (code: number): Wanted => ({ kind: "stream-error", code });
const SERVED: Wanted = { kind: "served" };
const REFUSED: Wanted = { kind: "refused" };
const IGNORED: Wanted = { kind: "ignored" };

const text = (value: string | number): Buffer => (typeof value === "number" ? Buffer.alloc(value, "x") : Buffer.from(value));
const data = (payload: string | number, flags = 0, stream = 1): Buffer =>
  frame(FRAME.data, { flags, stream, payload: text(payload) });
const of = (type: number, payload: Buffer = Buffer.alloc(0), stream = 0, flags = 0): Buffer =>
  frame(type, { payload, stream, flags });

/** What the rows are made of, for one scheme. */
type Parts = ReturnType<typeof partsFor>;

function partsFor(scheme: Scheme) {
  const fields = (path = "/", more: RawFields = [], method = "GET"): RawFields =>
    requestFields(path, more, method).map(([name, value]) => [name, name === ":scheme" ? scheme : value]);
  const block = (method = "GET", more: RawFields = []): Buffer => headerBlock(fields("/", more, method));
  const headers = (flags: number, payload = block(), stream = 1): Buffer => frame(FRAME.headers, { flags, stream, payload });
  const [begun, rest] = [block().subarray(0, 10), block().subarray(10)];
  const [get, post] = [headers(ES | EH), headers(EH, block("POST"))];
  return { fields, block, headers, begun, rest, get, post, half: headers(ES, begun) };
}

/** Rows: section, name, what must become of it, the frames; the stream that counts is 1. */
type Row = readonly [section: string, name: string, wanted: Wanted, ...frames: readonly Buffer[]];

const frames = ({ block, headers, begun, get, post, half }: Parts): readonly Row[] => [
  ["4.1", "a frame of a type nobody knows is passed over", SERVED, of(UNKNOWN, text(8)), get],
  [
    "4.1",
    "the reserved bit before the stream counts for nothing",
    SERVED,
    frame(FRAME.headers, { flags: ES | EH, stream: 0x80000001, payload: block() }),
  ],
  ["4.1", "flags nobody knows count for nothing", SERVED, headers(ES | EH | 0xd2)],
  ["4.2", "DATA as large as a frame may be", SERVED, post, data(16_384, ES)],
  ["4.2", "DATA larger than a frame may be", streamError(SIZE), post, data(16_385, ES)],
  [
    "4.2",
    "HEADERS larger than a frame may be",
    connectionError(SIZE),
    headers(ES | EH, block("GET", [["x-a", "y".repeat(16_400)]])),
  ],
  ["4.2", "SETTINGS larger than a frame may be", connectionError(SIZE), of(FRAME.settings, Buffer.alloc(16_386))],
  ["4.3", "PRIORITY within a header block", connectionError(NO_PROTOCOL), half, of(FRAME.priority, Buffer.alloc(5, 0x10), 1)],
  ["4.3", "HEADERS of another stream within a header block", connectionError(NO_PROTOCOL), half, headers(ES | EH, block(), 3)],
  ["4.3", "DATA within a header block", connectionError(NO_PROTOCOL), headers(0, begun), data("x")],
  ["4.3", "PING within a header block", connectionError(NO_PROTOCOL), half, of(FRAME.ping, Buffer.alloc(8))],
  ["5.5", "a frame nobody knows within a header block", connectionError(NO_PROTOCOL), half, of(UNKNOWN, text(8), 1)],
];

const states = ({ block, headers, rest, get, post }: Parts): readonly Row[] => [
  ["5.1", "DATA on an idle stream", connectionError(NO_PROTOCOL), data("x", ES)],
  ["5.1", "RST_STREAM on an idle stream", connectionError(NO_PROTOCOL), of(FRAME.reset, word(8), 1)],
  ["5.1", "WINDOW_UPDATE on an idle stream", connectionError(NO_PROTOCOL), of(FRAME.windowUpdate, word(8), 1)],
  ["5.1", "CONTINUATION on an idle stream", connectionError(NO_PROTOCOL), of(FRAME.continuation, rest, 1, EH)],
  ["5.1", "PRIORITY on an idle stream", SERVED, of(FRAME.priority, Buffer.alloc(5, 0x10), 7), get],
  ["5.1", "DATA behind the end of a request", streamError(CLOSED), get, data("x", ES)],
  ["5.1", "HEADERS behind the end of a request", streamError(CLOSED), get, get],
  ["5.1", "CONTINUATION behind the end of a request", connectionError(NO_PROTOCOL), get, of(FRAME.continuation, rest, 1, EH)],
  ["5.1", "a request its client gave up", IGNORED, post, of(FRAME.reset, word(8), 1)],
  ["5.1.1", "a stream with an even number", connectionError(NO_PROTOCOL), headers(ES | EH, block(), 2)],
  ["5.1.1", "a stream with a lower number than one before it", connectionError(NO_PROTOCOL), headers(ES | EH, block(), 3), get],
  [
    "5.1.2",
    "more streams than the server takes",
    connectionError(NO_PROTOCOL),
    ...Array.from({ length: 101 }, (_, i) => headers(EH, block("POST"), 2 * i + 1)),
  ],
  ["5.4.1", "a GOAWAY of the client's own", IGNORED, of(FRAME.goaway, Buffer.alloc(8))],
];

const kindsOfFrames = ({ block, headers, begun, rest, get, post, half }: Parts): readonly Row[] => [
  ["6.1", "DATA on stream 0", connectionError(NO_PROTOCOL), data("x", ES, 0)],
  ["6.1", "DATA with padding", SERVED, post, of(FRAME.data, Buffer.from("\x03abc\0\0\0"), 1, ES | PADDED)],
  [
    "6.1",
    "DATA that is all padding, and more",
    connectionError(NO_PROTOCOL),
    post,
    of(FRAME.data, Buffer.from("\x07abc"), 1, ES | PADDED),
  ],
  ["6.1", "DATA without the length of its padding", connectionError(SIZE), post, of(FRAME.data, Buffer.alloc(0), 1, ES | PADDED)],
  ["6.2", "HEADERS on stream 0", connectionError(NO_PROTOCOL), headers(ES | EH, block(), 0)],
  [
    "6.2",
    "HEADERS with padding and a priority",
    SERVED,
    headers(ES | EH | PADDED | PRIORITY_FLAG, Buffer.concat([Buffer.of(2, 0, 0, 0, 0, 15), block(), Buffer.alloc(2)])),
  ],
  [
    "6.2",
    "HEADERS that are all padding, and more",
    connectionError(NO_PROTOCOL),
    headers(ES | EH | PADDED, Buffer.concat([Buffer.of(255), block()])),
  ],
  ["6.3", "PRIORITY on stream 0", connectionError(NO_PROTOCOL), of(FRAME.priority, Buffer.alloc(5, 0x10)), get],
  ["6.3", "PRIORITY of another length", streamError(SIZE), post, of(FRAME.priority, Buffer.alloc(4), 1)],
  ["6.4", "RST_STREAM on stream 0", connectionError(NO_PROTOCOL), of(FRAME.reset, word(8))],
  ["6.4", "RST_STREAM of another length", connectionError(SIZE), post, of(FRAME.reset, Buffer.alloc(3), 1)],
  ["6.5", "an acknowledgement of SETTINGS that holds some", connectionError(SIZE), of(FRAME.settings, Buffer.alloc(6), 0, ACK)],
  ["6.5", "SETTINGS on a stream", connectionError(NO_PROTOCOL), of(FRAME.settings, Buffer.alloc(0), 1)],
  ["6.5", "SETTINGS of another length", connectionError(SIZE), of(FRAME.settings, Buffer.alloc(5))],
  ["6.5.2", "ENABLE_PUSH that is neither 0 nor 1", connectionError(NO_PROTOCOL), settings([2, 2])],
  ["6.5.2", "an initial window beyond 2^31-1", connectionError(FLOW), settings([4, 2 ** 31])],
  ["6.5.2", "a largest frame below 2^14", connectionError(NO_PROTOCOL), settings([5, 16_383])],
  ["6.5.2", "a largest frame beyond 2^24-1", connectionError(NO_PROTOCOL), settings([5, 2 ** 24])],
  ["6.5.2", "a setting nobody knows", SERVED, settings([0xfff0, 1]), get],
  ["6.5.3", "the same setting twice", SERVED, settings([4, 1], [4, 65_535]), get],
  [
    "6.6",
    "PUSH_PROMISE of a client",
    connectionError(NO_PROTOCOL),
    post,
    of(PUSH_PROMISE, Buffer.concat([word(2), block()]), 1, EH),
  ],
  ["6.7", "PING of another length", connectionError(SIZE), of(FRAME.ping, Buffer.alloc(7))],
  ["6.7", "PING on a stream", connectionError(NO_PROTOCOL), of(FRAME.ping, Buffer.alloc(8), 1)],
  ["6.8", "GOAWAY on a stream", connectionError(NO_PROTOCOL), of(FRAME.goaway, Buffer.alloc(8), 1)],
  ["6.8", "GOAWAY that is too short", connectionError(SIZE), of(FRAME.goaway, Buffer.alloc(7))],
  ["6.9", "a connection's window that grows by nothing", connectionError(NO_PROTOCOL), of(FRAME.windowUpdate, word(0))],
  ["6.9", "a stream's window that grows by nothing", streamError(NO_PROTOCOL), post, of(FRAME.windowUpdate, word(0), 1)],
  ["6.9", "WINDOW_UPDATE of another length", connectionError(SIZE), of(FRAME.windowUpdate, Buffer.alloc(3))],
  ["6.9.1", "a connection's window beyond 2^31-1", connectionError(FLOW), of(FRAME.windowUpdate, word(2 ** 31 - 1))],
  ["6.9.1", "a stream's window beyond 2^31-1", streamError(FLOW), post, of(FRAME.windowUpdate, word(2 ** 31 - 1), 1)],
  [
    "6.9.2",
    "an initial window that makes one go beyond 2^31-1",
    connectionError(FLOW),
    post,
    of(FRAME.windowUpdate, word(70_000), 1),
    settings([4, 2 ** 31 - 1]),
  ],
  ["6.9.2", "an initial window of 0 that is opened later", SERVED, settings([4, 0]), get, of(FRAME.windowUpdate, word(1_000), 1)],
  ["6.9.2", "an initial window of 0 that another one follows", SERVED, settings([4, 0]), get, settings([4, 1_000])],
  [
    "6.10",
    "a header block in three frames",
    SERVED,
    headers(ES, begun),
    of(FRAME.continuation, rest.subarray(0, 5), 1),
    of(FRAME.continuation, rest.subarray(5), 1, EH),
  ],
  [
    "6.10",
    "CONTINUATION behind the end of a header block",
    connectionError(NO_PROTOCOL),
    post,
    of(FRAME.continuation, rest, 1, EH),
  ],
  ["6.10", "CONTINUATION on stream 0", connectionError(NO_PROTOCOL), half, of(FRAME.continuation, rest, 0, EH)],
  ["6.10", "CONTINUATION of another stream", connectionError(NO_PROTOCOL), half, of(FRAME.continuation, rest, 3, EH)],
  ["6.10", "CONTINUATION behind DATA", connectionError(NO_PROTOCOL), post, data("x"), of(FRAME.continuation, rest, 1, EH)],
];

const messages = ({ fields, block, headers, post }: Parts): readonly Row[] => [
  ["8.1", "trailers", SERVED, post, data("x"), headers(ES | EH, headerBlock([["x-a", "b"]]))],
  ["8.1", "a second header block that does not end the stream", REFUSED, post, headers(EH, headerBlock([["x-a", "b"]]))],
  ["8.1", "a pseudo-header in trailers", REFUSED, post, data("x"), headers(ES | EH, headerBlock([[":path", "/"]]))],
  ["8.1.1", "a length that DATA goes beyond", REFUSED, headers(EH, block("POST", [["content-length", "1"]])), data("xyz", ES)],
  ["8.1.1", "a length that DATA does not reach", REFUSED, headers(EH, block("POST", [["content-length", "5"]])), data("xyz", ES)],
  ["8.1.1", "a length, and no DATA", REFUSED, headers(ES | EH, block("POST", [["content-length", "5"]]))],
  [
    "8.1.1",
    "a length that several frames of DATA make up",
    SERVED,
    headers(EH, block("POST", [["content-length", "4"]])),
    data("xy"),
    data("z"),
    data("w", ES),
  ],
  ["8.2.1", "a name with a capital", REFUSED, headers(ES | EH, block("GET", [["X-A", "b"]]))],
  ["8.2.2", "connection", REFUSED, headers(ES | EH, block("GET", [["connection", "close"]]))],
  ["8.2.2", "te that says more than trailers", REFUSED, headers(ES | EH, block("GET", [["te", "trailers, deflate"]]))],
  ["8.2.2", "te that says trailers", SERVED, headers(ES | EH, block("GET", [["te", "trailers"]]))],
  ["8.3", "a pseudo-header nobody knows", REFUSED, headers(ES | EH, block("GET", [[":a", "b"]]))],
  ["8.3", "a pseudo-header of responses", REFUSED, headers(ES | EH, block("GET", [[":status", "200"]]))],
  ["8.3", "a pseudo-header behind a header", REFUSED, headers(ES | EH, headerBlock([["x-a", "b"], ...fields()]))],
  ...[":method", ":scheme", ":path"].flatMap((name): Row[] => [
    ["8.3.1", `no ${name}`, REFUSED, headers(ES | EH, headerBlock(fields().filter(([each]) => each !== name)))],
    [
      "8.3.1",
      `${name} twice`,
      REFUSED,
      headers(ES | EH, headerBlock([...fields(), ...fields().filter(([each]) => each === name)])),
    ],
  ]),
  ["8.3.1", "an empty :path", REFUSED, headers(ES | EH, headerBlock(fields("")))],
  ["8.4", "a frame that would push", connectionError(NO_PROTOCOL), of(PUSH_PROMISE, Buffer.concat([word(2), block()]), 2, EH)],
];

/** Header blocks as they are packed, RFC 7541: one that cannot be read takes the connection with it. */
const packed = (scheme: Scheme, { headers }: Parts): readonly Row[] =>
  packedCases(scheme).map(({ section, name, bytes, isLegal }) => [
    `RFC 7541, ${section}`,
    name,
    isLegal ? SERVED : connectionError(COMPRESSION),
    ...bytes.map((payload, i) => headers(ES | EH, payload, 2 * i + 1)),
  ]);

const starts = ({ get }: Parts): readonly Http2Case[] => [
  {
    section: "3.4",
    name: "a preface that something else follows than SETTINGS",
    opening: PREFACE,
    bytes: get,
    stream: 1,
    wanted: connectionError(NO_PROTOCOL),
  },
  {
    section: "3.4",
    name: "SETTINGS with values that a request follows at once",
    opening: Buffer.concat([PREFACE, settings([3, 10], [4, 70_000], [6, 10_000])]),
    bytes: get,
    stream: 1,
    wanted: SERVED,
  },
];

/** All of them, as a client of that scheme sends them. */
export function http2Cases(scheme: Scheme): readonly Http2Case[] {
  const parts = partsFor(scheme);
  const rows = [...frames(parts), ...states(parts), ...kindsOfFrames(parts), ...messages(parts), ...packed(scheme, parts)];
  return [
    ...starts(parts),
    ...rows.map(([section, name, wanted, ...bytes]) => ({
      section,
      name,
      bytes: Buffer.concat(bytes),
      // the last of several is the one that counts
      stream: section.startsWith("RFC 7541") ? 2 * bytes.length - 1 : 1,
      wanted,
    })),
  ];
}
