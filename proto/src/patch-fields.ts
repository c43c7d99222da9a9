import { EditedDocument, workBudget, type WorkBudget } from "./edited-document.ts";
import { fieldAt, fieldKey, type Field, type FieldPointer } from "./field.ts";
import type { FieldChange } from "./field-value.ts";
import {
  patchPointer,
  rejectionOf,
  type PatchOperation,
  type PatchRejection,
  type PatchRejectionCode,
  type Refusal,
} from "./json-patch.ts";
import type { Json } from "./json-value.ts";
import { isEverWritable } from "./legal-pointer.ts";
import { err, ok, type Result } from "./result.ts";

// declared with what checks it; named here because changes are made here
export { checkFieldValue, type CheckedChange, type FieldChange, type FieldRules } from "./field-value.ts";

/** What applying patches needs to know of the exchange and of the grant. */
export interface PatchScope {
  /** The current value as the view shows it; undefined when there is none. Asked once for each field operations name. */
  read(field: Field): Json | undefined;
  /** Whether the field is in the view that was sent: only such fields may be `from` or `test` (C10). */
  shown(field: Field): boolean;
  /** Whether the binding may write here; asked with the whole pointer, so that grants below a body work. */
  writable(tokens: readonly string[], field: Field): boolean;
  /** Bound on one field's value after every operation, bytes of compact JSON. */
  readonly maxBytes: number;
}

/**
 * Applies a verdict's patches field by field, all or none; keys of the result are {@link fieldKey}s, and only fields an
 * operation wrote are in it. No document is made: what holds fields (`/request/headers`) always exists, so adding
 * a field sets it, and only what lies below a field (a body, a list) is edited as JSON.
 *
 * Fields no grant can make writable are refused here whatever `scope.writable` says, and `set-cookie` is appended to
 * without being read. Values are not judged: `checkFieldValue` does that for each change.
 */
export function applyFieldPatches(
  operations: readonly PatchOperation[],
  scope: PatchScope,
): Result<ReadonlyMap<string, FieldChange>, PatchRejection> {
  const slots = new Map<string, Slot>();
  const patching = new Patching(slots, scope);
  for (const [opIndex, operation] of operations.entries()) {
    const refusal = patching.apply(operation);
    if (refusal !== undefined) return err(rejectionOf(opIndex, refusal));
  }
  return ok(changesOf(slots));
}

/** One field while patches are applied. */
interface Slot {
  readonly field: Field;
  /** The field's value; of an appended header only the lines that are added. */
  readonly edited: EditedDocument;
  written: boolean;
}

interface Place extends FieldPointer {
  readonly slot: Slot;
}

/** The operations of one patch, one after the other. */
class Patching {
  readonly #slots: Map<string, Slot>;
  readonly #scope: PatchScope;
  /** One for all fields: each operation may name another. */
  readonly #work: WorkBudget;

  constructor(slots: Map<string, Slot>, scope: PatchScope) {
    this.#slots = slots;
    this.#scope = scope;
    this.#work = workBudget(scope.maxBytes);
  }

  apply(operation: PatchOperation): Refusal | undefined {
    const place = operation.op === "test" ? this.#shown(operation.path) : this.#writable(operation.path);
    if (!place.ok) return { code: place.error, path: operation.path };
    if ("from" in operation) return this.#transfer(operation, place.value);
    const code = change(operation, place.value);
    return code === undefined ? undefined : { code, path: operation.path };
  }

  #transfer(operation: Extract<PatchOperation, { readonly from: string }>, to: Place): Refusal | undefined {
    const from = this.#source(operation);
    if (!from.ok) return { code: from.error, path: operation.from };
    const source = from.value.slot.edited.find(from.value.rest);
    if (!source.ok) return { code: source.error, path: operation.from };
    const code = operation.op === "copy" ? copy(from.value, to, source.value) : move(from.value, to, source.value);
    return code === undefined ? undefined : { code, path: operation.path };
  }

  /** Where a value comes from: it must have been shown, and a move takes it away besides. */
  #source(operation: Extract<PatchOperation, { readonly from: string }>): Result<Place, PatchRejectionCode> {
    const shown = this.#shown(operation.from);
    return shown.ok && operation.op === "move" ? this.#writable(operation.from) : shown;
  }

  #shown(pointer: string): Result<Place, PatchRejectionCode> {
    const place = this.#place(pointer);
    if (!place.ok) return place;
    const { field } = place.value;
    return isAppended(field) || !this.#scope.shown(field) ? err("not-shown") : this.#open(place.value);
  }

  #writable(pointer: string): Result<Place, PatchRejectionCode> {
    const place = this.#place(pointer);
    if (!place.ok) return place;
    const { field, rest, tokens } = place.value;
    if (!isEverWritable(field, rest).ok || !this.#scope.writable(tokens, field)) return err("not-writable");
    return this.#open(place.value);
  }

  #place(pointer: string): Result<FieldPointer & { readonly tokens: readonly string[] }, PatchRejectionCode> {
    const tokens = patchPointer(pointer);
    if (!tokens.ok) return tokens;
    const field = fieldAt(tokens.value);
    return field.ok ? ok({ ...field.value, tokens: tokens.value }) : err("no-field");
  }

  #open({ field, rest }: FieldPointer): Result<Place, PatchRejectionCode> {
    const key = fieldKey(field);
    let slot = this.#slots.get(key);
    if (slot === undefined) {
      const value = isAppended(field) ? [] : this.#scope.read(field);
      slot = { field, edited: new EditedDocument(value, this.#scope.maxBytes, this.#work), written: false };
      this.#slots.set(key, slot);
    }
    return ok({ field, rest, slot });
  }
}

/** The one header patches add lines to without seeing the others (C23). */
const isAppended = (field: Field): boolean => field.kind === "header" && field.side === "response" && field.name === "set-cookie";

function change(
  operation: Exclude<PatchOperation, { readonly from: string }>,
  { rest, slot, field }: Place,
): PatchRejectionCode | undefined {
  if (operation.op !== "test") slot.written = true;
  switch (operation.op) {
    case "test":
      return slot.edited.test(rest, operation.value);
    case "add":
      return slot.edited.add(rest, operation.value);
    case "replace":
      return isAppended(field) ? "not-writable" : slot.edited.replace(rest, operation.value);
    case "remove":
      return isAppended(field) ? "not-writable" : slot.edited.remove(rest);
    default:
      return operation satisfies never;
  }
}

function copy(from: Place, to: Place, value: Json): PatchRejectionCode | undefined {
  to.slot.written = true;
  // the value is in two places from now on, so neither document may change it in place
  from.slot.edited.disown();
  return to.slot.edited.addAgain(to.rest, value);
}

function move(from: Place, to: Place, value: Json): PatchRejectionCode | undefined {
  from.slot.written = true;
  to.slot.written = true;
  if (from.slot === to.slot) return to.slot.edited.move(from.rest, to.rest);
  from.slot.edited.disown();
  return from.slot.edited.remove(from.rest) ?? to.slot.edited.addAgain(to.rest, value);
}

function changesOf(slots: ReadonlyMap<string, Slot>): ReadonlyMap<string, FieldChange> {
  const changes = new Map<string, FieldChange>();
  for (const [key, { field, edited, written }] of slots) {
    if (!written) continue;
    const { value } = edited;
    if (isAppended(field)) changes.set(key, { field, effect: "append", value });
    else changes.set(key, { field, effect: value === undefined ? "remove" : "set", value });
  }
  return changes;
}
