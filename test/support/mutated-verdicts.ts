import { Verdict as WireVerdict } from "@sallyport/contract/gen/sallyport/interceptor/v1/interceptor.ts";

type Draft = Parameters<typeof WireVerdict.fromPartial>[0];

/** What bindings of the corpus may write. */
export const CORPUS_WRITES = ["/request/headers", "/request/path", "/request/body", "/labels"] as const;

/** Encoded verdicts that are valid for a mutator with `CORPUS_WRITES`, eight patches and the power to respond. */
export const corpus = (reviewId: string): readonly Uint8Array[] =>
  DRAFTS.map((draft) => WireVerdict.encode(WireVerdict.fromPartial({ reviewId, ...draft })).finish());

const DRAFTS: readonly Draft[] = [
  { allow: {} },
  { allow: {}, validForMs: 60_000, warnings: ["soon gone"], annotations: [{ name: "score", value: "7" }] },
  {
    allow: {},
    patches: [
      { op: 1, path: "/request/headers/x-tenant", valueJson: '"acme"' },
      { op: 3, path: "/request/path", valueJson: '"/v1/orders"' },
      { op: 1, path: "/labels/plan", valueJson: '"größer"' },
    ],
  },
  { allow: {}, patches: [{ op: 1, path: "/request/body", valueJson: '{"a":[1,2.50,{"b":null}],"c":"\\ud83d\\ude00"}' }] },
  {
    allow: {},
    cache: { ttlMs: 5_000, tags: ["user:1", "plan"] },
    warnings: Array.from({ length: 16 }, (_, index) => `w${index}`),
  },
  { deny: { httpStatus: 403, code: "tenant_mismatch", message: "Not a member." } },
  {
    deny: {
      httpStatus: 429,
      grpcCode: 8,
      code: "quota",
      message: "Später.",
      headers: [{ name: "retry-after", value: "3" }],
      bodyJson: '{"left":0}',
    },
    cache: { ttlMs: 1_000, tags: ["user:1"] },
  },
  { respond: { httpStatus: 200, headers: [{ name: "content-type", value: "text/plain" }], body: Buffer.from("hello") } },
];

/** Numbers from 0 (included) to 1, the same ones for a seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** One of the valid verdicts, changed in one to three ways. */
export function mutant(valid: readonly Uint8Array[], random: () => number): Buffer {
  const below = (bound: number): number => Math.floor(random() * bound);
  let bytes: Buffer = Buffer.from(valid[below(valid.length)] ?? []);
  for (let left = 1 + below(3); left > 0; left -= 1) {
    const change = CHANGES[below(CHANGES.length)];
    if (change !== undefined) bytes = change(bytes, below, valid);
  }
  return bytes;
}

type Change = (bytes: Buffer, below: (bound: number) => number, valid: readonly Uint8Array[]) => Buffer;

const splice = (bytes: Buffer, at: number, gone: number, put: Uint8Array = Buffer.alloc(0)): Buffer =>
  Buffer.concat([bytes.subarray(0, at), put, bytes.subarray(at + gone)]);

/** Where each field of the outermost message begins, and where the last one ends. */
function fieldsOf(bytes: Buffer): readonly number[] {
  const starts = [0];
  for (let at = 0; at < bytes.length;) {
    const wireType = (bytes[at] ?? 0) & 7;
    const length = bytes[at + 1] ?? 0;
    // the corpus has one-byte tags and, in the outermost message, lengths below 128 or of two bytes
    at += wireType === 2 ? (length < 0x80 ? 2 + length : 3 + (length & 0x7f) + ((bytes[at + 2] ?? 0) << 7)) : 4;
    if (at <= bytes.length) starts.push(at);
  }
  return starts;
}

function field(bytes: Buffer, below: (bound: number) => number): readonly [start: number, end: number] {
  const starts = fieldsOf(bytes);
  const index = below(Math.max(1, starts.length - 1));
  return [starts[index] ?? 0, starts[index + 1] ?? bytes.length];
}

const CHANGES: readonly Change[] = [
  // a bit flipped
  (bytes, below) => {
    const at = below(bytes.length);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << below(8));
    return bytes;
  },
  // cut short
  (bytes, below) => Buffer.from(bytes.subarray(0, below(bytes.length + 1))),
  // a length, or whatever stands there, that lies
  (bytes, below) => splice(bytes, (field(bytes, below)[0] ?? 0) + 1, 1, Buffer.from([below(256)])),
  // another wire type
  (bytes, below) => {
    const [start] = field(bytes, below);
    if (bytes.length > 0) bytes[start] = ((bytes[start] ?? 0) & 0xf8) | below(8);
    return bytes;
  },
  // a field twice, or not at all, or of another verdict
  (bytes, below) => {
    const [start, end] = field(bytes, below);
    return splice(bytes, end, 0, Buffer.from(bytes.subarray(start, end)));
  },
  (bytes, below) => {
    const [start, end] = field(bytes, below);
    return splice(bytes, start, end - start);
  },
  (bytes, below, valid) => {
    const other = Buffer.from(valid[below(valid.length)] ?? []);
    const [start, end] = field(other, below);
    return Buffer.concat([bytes, other.subarray(start, end)]);
  },
  // another review's id
  (bytes, below) => Buffer.concat([bytes, Buffer.from([10, 2, 97 + below(26), 97 + below(26)])]),
  // bytes that are no UTF-8
  (bytes, below) => {
    if (bytes.length > 0) bytes[below(bytes.length)] = 0xf8 + below(8);
    return bytes;
  },
  // too many of something
  (bytes, below) => {
    const [start, end] = field(bytes, below);
    return Buffer.concat([bytes, ...Array.from({ length: 9 + below(70) }, () => bytes.subarray(start, end))]);
  },
  // numbers no field may have
  (bytes, below) =>
    splice(bytes, below(bytes.length + 1), 0, Buffer.from("ffffffffffffffffffffff".slice(0, 2 * (1 + below(11))), "hex")),
  // noise
  (bytes, below) =>
    splice(bytes, below(bytes.length + 1), below(4), Buffer.from(Array.from({ length: below(8) }, () => below(256)))),
];
