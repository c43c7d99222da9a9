import type { Json } from "@sallyport/contract/json.ts";
import { applyPatch, type PatchOperation } from "@sallyport/contract/json-patch.ts";
import { formatPointer, MAX_POINTER_BYTES, parsePointer, utf8Length } from "@sallyport/contract/json-pointer.ts";
import type { BodyFormat } from "@sallyport/contract/phase.ts";
import type { EditChange } from "./change.ts";
import { difference } from "./difference.ts";
import { Drafting } from "./drafting.ts";
import { InvalidVerdictError } from "./errors.ts";

/** A body while the changes of one verdict are worked out, in the order they were asked for. */
export class BodyPatches {
  readonly #format: BodyFormat;
  readonly #root: readonly string[];
  #current: Json | undefined;

  /** `current`: the body as it was sent; undefined when there is none, or the binding does not see it. */
  constructor(body: { readonly side: "request" | "response"; readonly format: BodyFormat; readonly current: Json | undefined }) {
    this.#format = body.format;
    this.#root = [body.side, "body"];
    this.#current = body.current;
  }

  /** Replaces the body whole. */
  set(value: unknown): readonly PatchOperation[] {
    this.#current = this.#format === "json" ? new Drafting().jsonOf(value) : this.#textOf(value);
    // "add" sets a member whether or not it exists
    return [{ op: "add", path: formatPointer(this.#root), value: this.#current }];
  }

  /** Lets `change` alter the part at `tokens` (of the whole view); at most `maxOperations` operations come of it. */
  edit(tokens: readonly string[], change: EditChange, maxOperations: number): readonly PatchOperation[] {
    const below = tokens.slice(this.#root.length);
    if (this.#format !== "json") return this.#editWhole(below, change);
    const before = valueAt(this.#current, below);
    const drafting = new Drafting();
    const draft = before === undefined ? undefined : drafting.draftOf(before);
    const returned = change(draft);
    if (returned instanceof Promise) throw new InvalidVerdictError("edit", "the function given to edit is synchronous");
    const altered = returned === undefined ? draft : returned;
    if (altered === undefined) return [];
    const after = drafting.jsonOf(altered);
    const operations =
      before === undefined
        ? [{ op: "add" as const, path: formatPointer(below), value: after }]
        : sendable(
            difference(before, after, below, (json) => drafting.originOf(json)),
            { maxOperations, at: below, after },
          );
    this.#current = patched(this.#current, operations);
    return operations.map((operation) => prefixed(operation, formatPointer(this.#root)));
  }

  #editWhole(below: readonly string[], change: EditChange): readonly PatchOperation[] {
    if (below.length > 0) {
      throw new InvalidVerdictError(
        "edit",
        `a body shown as ${this.#format} is edited whole: name "${formatPointer(this.#root)}"`,
      );
    }
    const before = this.#current;
    const draft = this.#format === "bytes" && typeof before === "string" ? Buffer.from(before, "base64") : before;
    const returned = change(draft);
    const after = returned === undefined ? draft : returned;
    if (after === undefined) return [];
    const [operation] = this.set(after);
    return this.#current === before || operation === undefined ? [] : [operation];
  }

  #textOf(value: unknown): string {
    if (this.#format === "bytes") {
      if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
      throw new InvalidVerdictError("body", "a body shown as bytes is replaced by a Uint8Array");
    }
    if (typeof value === "string" && value.isWellFormed()) return value;
    throw new InvalidVerdictError("body", "a body shown as text is replaced by a string without half surrogate pairs");
  }
}

function valueAt(json: Json | undefined, tokens: readonly string[]): Json | undefined {
  let value = json;
  for (const token of tokens) {
    if (value instanceof Map) value = value.get(token);
    else if (Array.isArray(value)) value = /^(0|[1-9]\d*)$/.test(token) ? value[Number(token)] : undefined;
    else return undefined;
  }
  return value;
}

/** The operations, or one that replaces the edited part where they are too many or the gateway would refuse their pointers. */
function sendable(
  operations: readonly PatchOperation[],
  edited: { readonly maxOperations: number; readonly at: readonly string[]; readonly after: Json },
): readonly PatchOperation[] {
  const fine = operations.length <= edited.maxOperations && operations.every(({ path }) => isPatchable(path));
  return fine ? operations : [{ op: "replace", path: formatPointer(edited.at), value: edited.after }];
}

// the prefix "/response/body" comes on top
const LONGEST = MAX_POINTER_BYTES - 16;

function isPatchable(path: string): boolean {
  if (utf8Length(path, LONGEST) > LONGEST) return false;
  return !/\/(__proto__|constructor|prototype)(\/|$)/.test(path);
}

function patched(body: Json | undefined, operations: readonly PatchOperation[]): Json | undefined {
  const result = applyPatch(body, operations, { maxBytes: Number.MAX_SAFE_INTEGER });
  if (result.ok) return result.value;
  throw new InvalidVerdictError(
    "edit",
    `${result.error.path || "the body"}: ${result.error.code}; name a place whose parent exists`,
  );
}

function prefixed(operation: PatchOperation, root: string): PatchOperation {
  const path = root + operation.path;
  return "from" in operation ? { ...operation, path, from: root + operation.from } : { ...operation, path };
}

/** Tokens of a pointer into a body; throws `InvalidVerdictError` for any other pointer. */
export function bodyTokens(pointer: string): readonly ["request" | "response", "body", ...string[]] {
  const tokens = parsePointer(pointer);
  if (tokens.ok) {
    const [side, body, ...below] = tokens.value;
    if ((side === "request" || side === "response") && body === "body") return [side, body, ...below];
  }
  throw new InvalidVerdictError("edit", "edit changes bodies: its pointer begins with /request/body or /response/body");
}
