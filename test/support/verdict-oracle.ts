/**
 * What bytes are, as an answer to a review: judged from RFC.md alone, without a line of the code under test.
 * `malformed`: a failed review. `denial`: a denial with something wrong about it, which stays one (C8). `unsettled`: well-formed, or a
 * question this judge does not answer; nothing may throw on it all the same.
 */
export type Judgement = "malformed" | "denial" | "unsettled";

/** What the judge knows of the review. */
export interface Judged {
  readonly reviewId: string;
  readonly maxPatches: number;
  /** Beginnings of pointers the binding may write; anything else is refused. */
  readonly writes: readonly string[];
}

/** Judges one answer. */
export function judge(bytes: Uint8Array, judged: Judged): Judgement {
  const verdict = parsed(bytes, VERDICT);
  if (verdict === undefined) return "malformed";
  if (last(verdict.texts.get(1)) !== judged.reviewId) return "malformed";
  if (verdict.messages.has(3)) return isWrongDenial(verdict) ? "denial" : "unsettled";
  const [allows, responds, caches] = [2, 4, 8].map((field) => verdict.messages.get(field)?.length ?? 0);
  if ((allows === 0) === (responds === 0)) return "malformed";
  if (hasWrongNotes(verdict)) return "malformed";
  // whether a message that is there twice is merged or replaced is not for this judge
  if ((responds ?? 0) > 1 || (caches ?? 0) > 1) return "unsettled";
  return (responds === 0 ? isWrongAllow(verdict, judged) : isWrongRespond(verdict)) ? "malformed" : "unsettled";
}

function isWrongDenial(verdict: Parsed): boolean {
  const [deny, ...more] = verdict.messages.get(3) ?? [];
  if (deny === undefined || more.length > 0) return true;
  const status = last(deny.numbers.get(1)) ?? 0;
  const hasOthers = [2, 4, 5].some((field) => verdict.messages.has(field));
  return hasOthers || status < 400 || status > 599 || !/^[a-z][a-z0-9_]{0,63}$/.test(last(deny.texts.get(3)) ?? "");
}

function hasWrongNotes({ messages, texts }: Parsed): boolean {
  const annotations = messages.get(6) ?? [];
  const warnings = texts.get(7) ?? [];
  const isLong = (text: string): boolean => Buffer.byteLength(text) > 256;
  const isWrong = ({ texts: own }: Parsed): boolean =>
    (last(own.get(1)) ?? "") === "" || [1, 2].some((field) => isLong(last(own.get(field)) ?? ""));
  return annotations.length > 16 || warnings.length > 16 || annotations.some(isWrong) || warnings.some(isLong);
}

function isWrongAllow({ messages }: Parsed, { maxPatches, writes }: Judged): boolean {
  const patches = messages.get(5) ?? [];
  const tags = messages.get(8)?.[0]?.texts.get(2) ?? [];
  if (tags.length > 64 || tags.some((tag) => tag === "" || Buffer.byteLength(tag) > 256)) return true;
  return patches.length > maxPatches || patches.some((patch) => isWrongPatch(patch, writes));
}

function isWrongPatch({ numbers, texts }: Parsed, writes: readonly string[]): boolean {
  const op = last(numbers.get(1)) ?? 0;
  const path = last(texts.get(2)) ?? "";
  if (op < 1 || op > 6 || (op !== 6 && !writes.some((write) => path === write || path.startsWith(`${write}/`)))) return true;
  return (op === 1 || op === 3 || op === 6) && !isJson(last(texts.get(4)) ?? "");
}

function isWrongRespond({ messages }: Parsed): boolean {
  const [respond] = messages.get(4) ?? [];
  const status = last(respond?.numbers.get(1)) ?? 0;
  const headers = respond?.messages.get(2) ?? [];
  const names = headers.map(({ texts }) => last(texts.get(1)) ?? "");
  return (
    messages.has(5) || status < 200 || status > 599 || headers.length > 64 || !names.every((name) => /^[!-9;-@[-~]+$/.test(name))
  );
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

const last = <T>(list: readonly T[] | undefined): T | undefined => list?.at(-1);

/** A message by field number, values in order. Fields nobody knows are left out. */
interface Parsed {
  readonly numbers: Map<number, number[]>;
  readonly texts: Map<number, string[]>;
  readonly messages: Map<number, Parsed[]>;
}

/** Kinds of the known fields of a message. */
interface Shape {
  readonly [field: number]: "number" | "text" | "bytes" | Shape;
}

const HEADER: Shape = { 1: "text", 2: "text" };
const VERDICT: Shape = {
  1: "text",
  2: {},
  3: { 1: "number", 2: "number", 3: "text", 4: "text", 5: HEADER, 6: "text" },
  4: { 1: "number", 2: HEADER, 3: "bytes" },
  5: { 1: "number", 2: "text", 3: "text", 4: "text" },
  6: HEADER,
  7: "text",
  8: { 1: "number", 2: "text" },
  9: "number",
};

/** Undefined for bytes that are no message: cut short, overrunning, grouped, of no field, a message that is none, text that is not UTF-8. */
function parsed(bytes: Uint8Array, shape: Shape): Parsed | undefined {
  const found: Parsed = { numbers: new Map(), texts: new Map(), messages: new Map() };
  for (let rest = bytes; rest.length > 0;) {
    const tag = varint(rest);
    if (tag === undefined || tag.value < 8n || tag.value > 0xffff_ffffn) return undefined;
    const field = shape[Number(tag.value >> 3n)];
    const value = payload(tag.rest, Number(tag.value & 7n));
    if (value === undefined || !keep(found, { at: Number(tag.value >> 3n), field, value })) return undefined;
    rest = value.rest;
  }
  return found;
}

interface Payload {
  readonly content: bigint | Uint8Array | undefined;
  readonly rest: Uint8Array;
}

function payload(bytes: Uint8Array, wireType: number): Payload | undefined {
  if (wireType === 1 || wireType === 5) {
    const width = wireType === 1 ? 8 : 4;
    return bytes.length < width ? undefined : { content: undefined, rest: bytes.subarray(width) };
  }
  const number = wireType === 0 || wireType === 2 ? varint(bytes) : undefined;
  if (number === undefined) return undefined;
  if (wireType === 0) return { content: number.value, rest: number.rest };
  if (number.value > BigInt(number.rest.length)) return undefined;
  const length = Number(number.value);
  return { content: number.rest.subarray(0, length), rest: number.rest.subarray(length) };
}

/** False where it cannot be what the field is. */
function keep(
  found: Parsed,
  { at, field, value }: { readonly at: number; readonly field: Shape[number] | undefined; readonly value: Payload },
): boolean {
  const { content } = value;
  if (typeof field === "object") {
    const inner = content instanceof Uint8Array ? parsed(content, field) : undefined;
    return inner !== undefined && push(found.messages, at, inner);
  }
  // a simple field in another wire type is a field nobody knows
  if (field === "number" && typeof content === "bigint") return push(found.numbers, at, Number(BigInt.asUintN(32, content)));
  if (field !== "text" || !(content instanceof Uint8Array)) return true;
  const text = Buffer.from(content).toString("utf8");
  return Buffer.from(text, "utf8").equals(content) && push(found.texts, at, text);
}

function push<T>(lists: Map<number, T[]>, at: number, item: T): true {
  lists.set(at, [...(lists.get(at) ?? []), item]);
  return true;
}

function varint(bytes: Uint8Array): { readonly value: bigint; readonly rest: Uint8Array } | undefined {
  let value = 0n;
  for (let index = 0; index < Math.min(10, bytes.length); index += 1) {
    const byte = bytes[index] ?? 0;
    value |= BigInt(byte & 0x7f) << BigInt(7 * index);
    if (byte < 0x80) return { value, rest: bytes.subarray(index + 1) };
  }
  return undefined;
}
