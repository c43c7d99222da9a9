import { closePayload, frameBytes, OPCODES, type FrameChoice } from "../../support/websocket-peer.ts";

/** A frame somebody writes, well or badly. */
export interface Written extends FrameChoice {
  readonly opcode: number;
  readonly payload?: Buffer | string;
  /** Masked where it must not be, or the other way round. */
  readonly wrongMask?: boolean;
  /** These bytes instead, whatever the rest says. */
  readonly raw?: (masked: boolean) => Buffer;
}

/** What one end writes on an open WebSocket, and what becomes of it (RFC 6455). */
export interface FrameCase {
  readonly name: string;
  readonly clause: string;
  readonly frames: readonly Written[];
  /** All of it passes; or all before the last frame does, and its sender is told this code. */
  readonly becomes: "passed" | 1002 | 1009;
  /** Bytes of a piece; left out: all at once. */
  readonly chop?: number;
}

/** Largest message of the route the cases run on, bytes. */
export const MAX_MESSAGE_BYTES = 256 * 1024;

/** The bytes of a frame of an end that masks, or does not. */
export function bytesOf({ opcode, payload = "", wrongMask = false, raw, ...choice }: Written, masks: boolean): Buffer {
  return raw?.(masks) ?? frameBytes(opcode, payload, masks !== wrongMask, choice);
}

const { continuation, text, binary, close, ping, pong } = OPCODES;

const passes = (name: string, clause: string, ...frames: readonly Written[]): FrameCase => ({
  name,
  clause,
  frames,
  becomes: "passed",
});
const faulty = (name: string, clause: string, ...frames: readonly Written[]): FrameCase => ({
  name,
  clause,
  frames,
  becomes: 1002,
});

const filled = (bytes: number): Buffer => Buffer.alloc(bytes, "0123456789abcdef");

const LENGTHS = [0, 1, 2, 124, 125, 126, 127, 128, 255, 256, 65_534, 65_535, 65_536, 65_537, 200_000];

const framing: readonly FrameCase[] = [text, binary].flatMap((opcode) =>
  LENGTHS.map((length) => passes(`opcode ${opcode} with ${length} bytes`, "5.2", { opcode, payload: filled(length) })),
);

const chopped: readonly FrameCase[] = [1, 2, 3, 7, 1_000].flatMap((chop) => [
  {
    ...passes(`a message in pieces of ${chop}`, "5.2", { opcode: binary, payload: filled(chop === 1_000 ? 70_000 : 300) }),
    chop,
  },
  {
    ...passes(
      `three frames and a close in pieces of ${chop}`,
      "5.4",
      { opcode: text, payload: "a", final: false },
      { opcode: ping, payload: "b" },
      { opcode: continuation, payload: "c" },
      { opcode: close, payload: closePayload(1000, "bye") },
    ),
    chop,
  },
]);

const control: readonly FrameCase[] = [
  ...[ping, pong].flatMap((opcode) => [
    ...[0, 1, 125].map((length) => passes(`control ${opcode} with ${length} bytes`, "5.5", { opcode, payload: filled(length) })),
    faulty(`control ${opcode} with 126 bytes`, "5.5", { opcode, payload: filled(126) }),
    faulty(`control ${opcode} with 65536 bytes`, "5.5", { opcode, payload: filled(65_536) }),
  ]),
  ...[ping, pong, close].map((opcode) => faulty(`control ${opcode} in parts`, "5.5", { opcode, final: false })),
  passes("ten pings in a row", "5.5.2", ...Array.from({ length: 10 }, (_, i) => ({ opcode: ping, payload: `${i}` }))),
];

const reserved: readonly FrameCase[] = [1, 2, 3, 4, 5, 6, 7].flatMap((bits) => [
  ...[text, binary, ping, pong, close].map((opcode) =>
    faulty(
      `reserved bits ${bits} on opcode ${opcode}, behind a message`,
      "5.2",
      { opcode: text, payload: "before" },
      { opcode, reserved: bits },
    ),
  ),
  faulty(
    `reserved bits ${bits} on a continuation`,
    "5.2",
    { opcode: text, payload: "a", final: false },
    { opcode: continuation, reserved: bits },
  ),
]);

const opcodes: readonly FrameCase[] = [3, 4, 5, 6, 7, 11, 12, 13, 14, 15].flatMap((opcode) => [
  faulty(`unknown opcode ${opcode}`, "5.2", { opcode }),
  faulty(
    `unknown opcode ${opcode} with bytes, behind a message`,
    "5.2",
    { opcode: binary, payload: "before" },
    { opcode, payload: "x" },
  ),
  faulty(
    `unknown opcode ${opcode} within a message`,
    "5.2",
    { opcode: text, payload: "a", final: false },
    { opcode, payload: "x" },
  ),
]);

const part = (payload: string | Buffer, final = false): Written => ({ opcode: continuation, payload, final });

const fragments: readonly FrameCase[] = [text, binary].flatMap((opcode) => {
  const first: Written = { opcode, payload: "first", final: false };
  return [
    passes(`opcode ${opcode} in two parts`, "5.4", first, part("last", true)),
    passes(`opcode ${opcode} in five parts`, "5.4", first, part("a"), part("b"), part("c"), part("last", true)),
    passes(`opcode ${opcode} in empty parts`, "5.4", { ...first, payload: "" }, part(""), part("", true)),
    passes(
      `opcode ${opcode} in parts with pings and pongs between`,
      "5.4",
      first,
      { opcode: ping, payload: "?" },
      part("a"),
      { opcode: pong, payload: "!" },
      part("last", true),
    ),
    passes(`opcode ${opcode} in parts with a close between`, "5.5.1", first, { opcode: close, payload: closePayload(1000) }),
    passes(`opcode ${opcode}, two messages in parts`, "5.4", first, part("last", true), first, part("last", true)),
    faulty(`opcode ${opcode} within a message`, "5.4", first, { opcode, payload: "another" }),
    faulty(`opcode ${opcode} in parts within a message`, "5.4", first, part("a"), first),
    faulty(`a continuation of a finished message of opcode ${opcode}`, "5.4", first, part("last", true), part("more", true)),
    faulty(`a continuation behind a whole message of opcode ${opcode}`, "5.4", { opcode, payload: "all" }, part("more")),
  ];
});

const nothing: readonly FrameCase[] = [
  faulty("a continuation of nothing", "5.4", part("x", true)),
  faulty("the first part of a continuation of nothing", "5.4", part("x")),
  faulty("an empty continuation of nothing behind a ping", "5.4", { opcode: ping }, part("", true)),
];

// bytes of text are between the two ends: the gateway neither judges nor changes them (RFC.md 10.4)
const UTF8 = {
  "two bytes": "c3a4",
  "three bytes": "e282ac",
  "four bytes": "f09f9880",
  "the last code point": "f48fbfbf",
  "an overlong slash": "c0af",
  "a surrogate": "eda080",
  "beyond the last code point": "f4908080",
  "a lonely continuation": "80",
  "a cut sequence": "e282",
  "bytes that never occur": "fefff8",
};

const utf8: readonly FrameCase[] = Object.entries(UTF8).flatMap(([name, hex]) => {
  const bytes = Buffer.from(hex, "hex");
  const pieces = Array.from(bytes, (byte, i): Written => ({
    opcode: i === 0 ? text : continuation,
    payload: Buffer.of(byte),
    final: i === bytes.length - 1,
  }));
  return [
    passes(`text with ${name}`, "8.1", { opcode: text, payload: bytes }),
    passes(`text with ${name}, a frame for each byte`, "8.1", ...pieces),
    passes(`a close with ${name} for a reason`, "5.5.1", { opcode: close, payload: Buffer.concat([closePayload(1000), bytes]) }),
  ];
});

const VALID_CODES = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999];
const INVALID_CODES = [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 1999, 2000, 2999, 5000, 65_535];

const closes: readonly FrameCase[] = [
  passes("a close without a code", "5.5.1", { opcode: close }),
  passes("a close with the longest reason", "5.5.1", { opcode: close, payload: closePayload(1000, "r".repeat(123)) }),
  passes(
    "a close behind a message",
    "5.5.1",
    { opcode: text, payload: "last words" },
    { opcode: close, payload: closePayload(1000) },
  ),
  ...VALID_CODES.flatMap((code) => [
    passes(`a close with ${code}`, "7.4", { opcode: close, payload: closePayload(code) }),
    passes(`a close with ${code} and a reason`, "7.4", { opcode: close, payload: closePayload(code, "why") }),
  ]),
  ...INVALID_CODES.map((code) => faulty(`a close with ${code}`, "7.4", { opcode: close, payload: closePayload(code, "why") })),
  faulty("a close of one byte", "5.5.1", { opcode: close, payload: Buffer.of(3) }),
  faulty("a close with too long a reason", "5.5", { opcode: close, payload: closePayload(1000, "r".repeat(124)) }),
];

/** A head with a length of 8 bytes whose first bit is set. */
const hugeLength = (masked: boolean): Buffer =>
  Buffer.from([0x82, (masked ? 0x80 : 0) | 127, 0x80, 0, 0, 0, 0, 0, 0, 1, 1, 2, 3, 4]);

const lengths: readonly FrameCase[] = [
  ...[0, 1, 125].map((length) =>
    faulty(`${length} bytes with a length of two bytes`, "5.2", { opcode: binary, payload: filled(length), longLength: true }),
  ),
  ...[126, 65_535].map((length) =>
    faulty(`${length} bytes with a length of eight bytes`, "5.2", { opcode: binary, payload: filled(length), longLength: true }),
  ),
  faulty("a ping with a length of two bytes", "5.2", { opcode: ping, payload: "x", longLength: true }),
  faulty("a length beyond 63 bits", "5.2", { opcode: binary, raw: hugeLength }),
];

const masks: readonly FrameCase[] = [text, ping, close].map((opcode) =>
  faulty(
    `opcode ${opcode} masked as the other end must`,
    "5.1",
    { opcode: text, payload: "before" },
    { opcode, wrongMask: true },
  ),
);

const HALF = MAX_MESSAGE_BYTES / 2;

const limits: readonly FrameCase[] = [
  passes("a message as large as may be", "10.4", { opcode: binary, payload: filled(MAX_MESSAGE_BYTES) }),
  passes(
    "a message as large as may be, in parts",
    "10.4",
    { opcode: binary, payload: filled(HALF), final: false },
    part(filled(HALF), true),
  ),
  passes(
    "messages that are larger together",
    "10.4",
    { opcode: binary, payload: filled(HALF + 1) },
    { opcode: binary, payload: filled(HALF + 1) },
  ),
  { ...passes("a larger message", "10.4", { opcode: binary, payload: filled(MAX_MESSAGE_BYTES + 1) }), becomes: 1009 },
  {
    ...passes(
      "a larger message in parts",
      "10.4",
      { opcode: text, payload: filled(HALF), final: false },
      part(filled(HALF)),
      part("1", true),
    ),
    becomes: 1009,
  },
  {
    ...passes("the head of a message of a gibibyte", "10.4", {
      opcode: binary,
      raw: (masked) => Buffer.from([0x82, (masked ? 0x80 : 0) | 127, 0, 0, 0, 0, 0x40, 0, 0, 0, 1, 2, 3, 4]),
    }),
    becomes: 1009,
  },
];

/** Every case. */
export const CASES: readonly FrameCase[] = [
  ...[framing, chopped, control, reserved, opcodes, fragments, nothing, utf8, closes, lengths, masks, limits].flat(),
];
