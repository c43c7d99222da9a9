import { EditedDocument, workBudget } from "./edited-document.ts";
import type { Json } from "./json-value.ts";
import { MAX_POINTER_BYTES, parsePointer } from "./json-pointer.ts";
import { err, ok, type Result } from "./result.ts";

/** The operations of RFC 6902. */
export type PatchOp = PatchOperation["op"];

/** One operation of RFC 6902; paths are JSON pointers. */
export type PatchOperation =
  | { readonly op: "add" | "replace" | "test"; readonly path: string; readonly value: Json }
  | { readonly op: "remove"; readonly path: string }
  | { readonly op: "move" | "copy"; readonly path: string; readonly from: string };

/** Why a patch was refused as a whole: the first operation that cannot be applied. */
export interface PatchRejection {
  /** Zero-based. */
  readonly opIndex: number;
  readonly code: PatchRejectionCode;
  /** The pointer at fault, as the patch wrote it, cut where pointers end: it goes to logs. */
  readonly path: string;
}

/** A rejection without the place of its operation in the patch. */
export type Refusal = Omit<PatchRejection, "opIndex">;

/** Stable names for logs and metrics; the comments say when. */
export type PatchRejectionCode =
  /** not a JSON pointer, or too long */
  | "bad-pointer"
  /** `__proto__`, `constructor` or `prototype` in a pointer */
  | "forbidden-token"
  /** nothing at this place, or its parent holds nothing */
  | "missing"
  /** not an array index as RFC 6901 writes it, or beyond the end */
  | "bad-index"
  /** a `test` found another value */
  | "test-failed"
  /** a `move` of a value into itself */
  | "into-itself"
  /** the document would outgrow its bound, or the patch costs more work than its size allows */
  | "too-large"
  /** the document would nest too deep */
  | "too-deep"
  /** no field of the view, or a container of fields */
  | "no-field"
  /** a field, or part of one, that this binding may not write */
  | "not-writable"
  /** `from` or `test` names a field that was not shown */
  | "not-shown"
  /** the field cannot be taken away, or cannot hold such a value */
  | "bad-value";

/**
 * Applies RFC 6902 operations in order, all or none. The input is never changed; what is untouched is shared with it.
 *
 * `undefined` stands for no document: only the root can be added to it, and removing the root gives it back.
 * Stricter than the RFC where it leaves room for attacks: array indices have one spelling, the tokens `__proto__`,
 * `constructor` and `prototype` are refused, and the document must stay within `maxBytes` (as compact JSON text) and
 * 128 levels after every operation. Copies and moves may touch 2 × `maxBytes` in all.
 */
export function applyPatch(
  document: Json | undefined,
  operations: readonly PatchOperation[],
  limits: { readonly maxBytes: number },
): Result<Json | undefined, PatchRejection> {
  const edited = new EditedDocument(document, limits.maxBytes, workBudget(limits.maxBytes));
  for (const [opIndex, operation] of operations.entries()) {
    const refusal = applyOperation(edited, operation);
    if (refusal !== undefined) return err(rejectionOf(opIndex, refusal));
  }
  return ok(edited.value);
}

/** The rejection of a patch by the refusal of one of its operations. */
export const rejectionOf = (opIndex: number, { code, path }: Refusal): PatchRejection => ({
  opIndex,
  code,
  path: path.slice(0, MAX_POINTER_BYTES),
});

function applyOperation(edited: EditedDocument, operation: PatchOperation): Refusal | undefined {
  const path = patchPointer(operation.path);
  if (!path.ok) return { code: path.error, path: operation.path };
  const code = "from" in operation ? transfer(edited, operation, path.value) : change(edited, operation, path.value);
  if (code === undefined) return undefined;
  return typeof code === "string" ? { code, path: operation.path } : code;
}

function change(
  edited: EditedDocument,
  operation: Exclude<PatchOperation, { readonly from: string }>,
  path: readonly string[],
): PatchRejectionCode | undefined {
  switch (operation.op) {
    case "add":
      return edited.add(path, operation.value);
    case "replace":
      return edited.replace(path, operation.value);
    case "remove":
      return edited.remove(path);
    case "test":
      return edited.test(path, operation.value);
    default:
      return operation satisfies never;
  }
}

function transfer(
  edited: EditedDocument,
  operation: Extract<PatchOperation, { readonly from: string }>,
  path: readonly string[],
): PatchRejectionCode | Refusal | undefined {
  const from = patchPointer(operation.from);
  if (!from.ok) return { code: from.error, path: operation.from };
  const source = edited.find(from.value);
  if (!source.ok) return { code: source.error, path: operation.from };
  return operation.op === "copy" ? edited.copy(from.value, path) : edited.move(from.value, path);
}

/** The tokens of a pointer in a patch; refuses those that name an object's prototype. */
export function patchPointer(text: string): Result<readonly string[], PatchRejectionCode> {
  const pointer = parsePointer(text);
  if (!pointer.ok) return err("bad-pointer");
  return pointer.value.some((token) => FORBIDDEN_TOKENS.has(token)) ? err("forbidden-token") : pointer;
}

const FORBIDDEN_TOKENS: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"]);
