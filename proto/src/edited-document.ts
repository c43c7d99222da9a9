import { jsonEquals } from "./json-equals.ts";
import { measure, type KnownMeasures, type Measure } from "./json-measure.ts";
import { isJsonArray, isJsonObject, type Json } from "./json-value.ts";
import { FIXED_LIMITS } from "./limits.ts";
import { err, ok, type Result } from "./result.ts";

/** Why an edit is refused; a subset of the codes of a patch rejection. */
export type EditRefusal = "missing" | "bad-index" | "test-failed" | "into-itself" | "too-large" | "too-deep";

/** What is left of the work one patch may cause, over all documents it edits; about bytes of JSON text. */
export interface WorkBudget {
  left: number;
}

/** The work of one patch: copies and moves of two whole documents. */
export const workBudget = (maxBytes: number): WorkBudget => ({ left: 2 * maxBytes });

/**
 * A JSON document under edit: copies what it changes and shares the rest with the value it was made from.
 *
 * Lives for one patch; after a refused edit it must be dropped, since part of the edit may be done. Every edit keeps
 * the document within `maxBytes` and the bound on nesting. What copies, moves, shifts and the making of changeable
 * copies touch is counted as work: a few bytes can ask for them again and again, while the work of other edits is paid
 * for by the values they bring.
 */
export class EditedDocument {
  #root: Json | undefined;
  readonly #maxBytes: number;
  readonly #work: WorkBudget;
  /** Unknown until an edit adds something. */
  #bytes: number | undefined;
  /** Containers made here and reachable one way only: these, and no others, are changed in place. */
  #owned: Set<object> | undefined;
  /** A few bytes can name the same large part again and again: it is walked once. */
  readonly #known: KnownMeasures = { sizes: new WeakMap(), changes: (container) => this.#owned?.has(container) === true };

  constructor(document: Json | undefined, maxBytes: number, work: WorkBudget) {
    this.#root = document;
    this.#maxBytes = maxBytes;
    this.#work = work;
  }

  get value(): Json | undefined {
    return this.#root;
  }

  /** The value at a place. */
  find(path: readonly string[]): Result<Json, EditRefusal> {
    let value = this.#root;
    if (value === undefined) return err("missing");
    for (const token of path) {
      const child = childOf(value, token);
      if (!child.ok) return child;
      value = child.value;
    }
    return ok(value);
  }

  test(path: readonly string[], expected: Json): EditRefusal | undefined {
    const found = this.find(path);
    if (!found.ok) return found.error;
    return jsonEquals(found.value, expected) ? undefined : "test-failed";
  }

  add(path: readonly string[], value: Json): EditRefusal | undefined {
    return this.#add(path, value, this.#measure(value));
  }

  /** {@link add} for a value that is not paid for: one that is already in this or another document. */
  addAgain(path: readonly string[], value: Json): EditRefusal | undefined {
    const size = this.#measure(value);
    return this.#spend(size.bytes) ?? this.#add(path, value, size);
  }

  replace(path: readonly string[], value: Json): EditRefusal | undefined {
    const old = this.find(path);
    if (!old.ok) return old.error;
    const size = this.#measure(value);
    if (path.length === 0) return this.#setRoot(value, size);
    const refusal = this.#admit(path, size);
    if (refusal !== undefined) return refusal;
    const parent = this.#mutableParent(path);
    if (!parent.ok) return parent.error;
    this.#release(old.value);
    setChild(parent.value, last(path), value);
    return this.#withinBounds();
  }

  remove(path: readonly string[]): EditRefusal | undefined {
    const removed = this.#detach(path);
    if (!removed.ok) return removed.error;
    this.#release(removed.value);
    return this.#withinBounds();
  }

  copy(from: readonly string[], path: readonly string[]): EditRefusal | undefined {
    const source = this.find(from);
    if (!source.ok) return source.error;
    // only a list or an object can be changed in two places
    if (isContainer(source.value)) this.disown();
    return this.addAgain(path, source.value);
  }

  move(from: readonly string[], path: readonly string[]): EditRefusal | undefined {
    const source = this.find(from);
    if (!source.ok) return source.error;
    if (isPrefix(from, path)) return from.length === path.length ? undefined : "into-itself";
    const size = this.#measure(source.value);
    const refusal = path.length + size.depth > FIXED_LIMITS.jsonDepth ? "too-deep" : this.#spend(size.bytes);
    if (refusal !== undefined) return refusal;
    if (this.#bytes !== undefined) this.#bytes += last(path).length;
    const removed = this.#detach(from);
    if (!removed.ok) return removed.error;
    return path.length === 0 ? this.#setRoot(removed.value, size) : this.#attach(path, removed.value);
  }

  /** Says that a part of this document is about to be reachable another way too: nothing is changed in place any more. */
  disown(): void {
    this.#owned = undefined;
  }

  #add(path: readonly string[], value: Json, size: Measure): EditRefusal | undefined {
    if (path.length === 0) return this.#setRoot(value, size);
    return this.#admit(path, size) ?? this.#attach(path, value);
  }

  /** Counts a value that is about to come in. */
  #admit(path: readonly string[], size: Measure): EditRefusal | undefined {
    this.#bytes ??= this.#root === undefined ? 0 : this.#measure(this.#root).bytes;
    if (path.length + size.depth > FIXED_LIMITS.jsonDepth) return "too-deep";
    // a member's name and punctuation come with it
    this.#bytes += size.bytes + last(path).length + 4;
    return undefined;
  }

  /** Counts a value that has gone. Names are not given back: an error to the safe side of some bytes for each edit. */
  #release(value: Json): void {
    if (this.#bytes !== undefined) this.#bytes -= this.#measure(value).bytes;
  }

  #withinBounds(): EditRefusal | undefined {
    return this.#work.left < 0 || (this.#bytes ?? 0) > this.#maxBytes ? "too-large" : undefined;
  }

  #spend(work: number): EditRefusal | undefined {
    this.#work.left -= work;
    return this.#work.left < 0 ? "too-large" : undefined;
  }

  #setRoot(value: Json, size: Measure): EditRefusal | undefined {
    if (size.depth > FIXED_LIMITS.jsonDepth) return "too-deep";
    this.#root = value;
    this.#bytes = size.bytes;
    return this.#withinBounds();
  }

  #attach(path: readonly string[], value: Json): EditRefusal | undefined {
    const parent = this.#mutableParent(path);
    if (!parent.ok) return parent.error;
    const token = last(path);
    if (parent.value instanceof Map) {
      const old = parent.value.get(token);
      if (old !== undefined) this.#release(old);
      parent.value.set(token, value);
      return this.#withinBounds();
    }
    const index = token === "-" ? parent.value.length : indexOf(token, parent.value.length);
    if (index === undefined) return "bad-index";
    parent.value.splice(index, 0, value);
    return this.#spendShift(parent.value.length - index) ?? this.#withinBounds();
  }

  #detach(path: readonly string[]): Result<Json, EditRefusal> {
    const found = this.find(path);
    if (!found.ok) return found;
    if (path.length === 0) {
      this.#root = undefined;
      return found;
    }
    const parent = this.#mutableParent(path);
    if (!parent.ok) return parent;
    const token = last(path);
    if (parent.value instanceof Map) {
      parent.value.delete(token);
      return found;
    }
    // making the parent changeable copied nothing below it: what was found is still its child
    parent.value.splice(Number(token), 1);
    const refusal = this.#spendShift(parent.value.length - Number(token));
    return refusal === undefined ? found : err(refusal);
  }

  // moving elements along is far cheaper than walking them
  #spendShift(elements: number): EditRefusal | undefined {
    return this.#spend(elements / 16);
  }

  /** The container a path's last token is in, with every container on the way made changeable. */
  #mutableParent(path: readonly string[]): Result<Mutable, EditRefusal> {
    if (this.#root === undefined || !isContainer(this.#root)) return err("missing");
    let container = this.#own(this.#root);
    this.#root = container;
    for (const token of path.slice(0, -1)) {
      const child = childOf(container, token);
      if (!child.ok) return child;
      if (!isContainer(child.value)) return err("missing");
      const owned = this.#own(child.value);
      if (owned !== child.value) setChild(container, token, owned);
      container = owned;
    }
    return ok(container);
  }

  #measure(value: Json): Measure {
    return measure(value, this.#known);
  }

  #own(container: Container): Mutable {
    this.#owned ??= new Set();
    // what is in the set was made below, as a Map or an array that nobody else has
    if (this.#owned.has(container)) return container as Mutable;
    // a map is hashed anew, entry by entry, a list is copied as a block of memory
    this.#work.left -= isJsonArray(container) ? container.length / 16 : container.size * ENTRY_WORK;
    const copy = isJsonArray(container) ? [...container] : new Map(container);
    this.#owned.add(copy);
    return copy;
  }
}

/** What copying one member of an object costs, in bytes of text that are walked in the same time. */
const ENTRY_WORK = 16;

type Container = readonly Json[] | ReadonlyMap<string, Json>;
type Mutable = Json[] | Map<string, Json>;

const isContainer = (value: Json): value is Container => isJsonArray(value) || isJsonObject(value);

function childOf(value: Json, token: string): Result<Json, EditRefusal> {
  if (isJsonObject(value)) {
    const member = value.get(token);
    return member === undefined ? err("missing") : ok(member);
  }
  if (!isJsonArray(value)) return err("missing");
  const index = indexOf(token, value.length - 1);
  const item = index === undefined ? undefined : value[index];
  return item === undefined ? err("bad-index") : ok(item);
}

function setChild(container: Mutable, token: string, value: Json): void {
  if (container instanceof Map) container.set(token, value);
  else container[Number(token)] = value;
}

/** An array index in its one spelling (RFC 6901 section 4): no sign, no leading zero, at most `highest`. */
function indexOf(token: string, highest: number): number | undefined {
  if (!/^(?:0|[1-9][0-9]{0,9})$/.test(token)) return undefined;
  const index = Number(token);
  return index <= highest ? index : undefined;
}

function isPrefix(tokens: readonly string[], of: readonly string[]): boolean {
  return tokens.length <= of.length && tokens.every((token, index) => token === of[index]);
}

const last = (path: readonly string[]): string => path[path.length - 1] ?? "";
