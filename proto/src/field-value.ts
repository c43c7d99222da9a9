import type { BodyFormat } from "./phase.ts";
import type { Field, Side } from "./field.ts";
import { isHeaderValue } from "./header-text.ts";
import { utf8Length } from "./json-pointer.ts";
import { isJsonArray, type Json } from "./json-value.ts";
import { FIXED_LIMITS } from "./limits.ts";
import { isNormalPath } from "./request-path.ts";
import { err, ok, type Result } from "./result.ts";

/** What a verdict's patches made of one field. */
export interface FieldChange {
  readonly field: Field;
  /**
   * `set`: `value` is the new value. `remove`: the field is gone. `append`: `value` is a list of lines to add after the
   * ones that are there (only `set-cookie` of the response, which no patch reads, C23).
   */
  readonly effect: "set" | "remove" | "append";
  /** Undefined with `remove` only. */
  readonly value: Json | undefined;
}

/** A change whose value is of the right kind for its field: nothing else may reach an exchange. Undefined: removed. */
export type CheckedChange =
  | { readonly kind: "method"; readonly method: string }
  | { readonly kind: "path"; readonly path: string }
  | { readonly kind: "query"; readonly name: string; readonly values: readonly string[] | undefined }
  | {
      readonly kind: "header";
      readonly side: Side;
      readonly name: string;
      /** Of `append`, the lines to add. */
      readonly lines: readonly string[] | undefined;
      readonly effect: "set" | "append";
    }
  | { readonly kind: "label"; readonly name: string; readonly value: string | undefined }
  | { readonly kind: "status"; readonly status: number }
  | { readonly kind: "body"; readonly side: Side; readonly body: BodyChange | undefined };

/** A new body in the format of the binding (C24). */
export type BodyChange =
  | { readonly format: "json"; readonly json: Json }
  | { readonly format: "text"; readonly text: string }
  | { readonly format: "bytes"; readonly bytes: Uint8Array };

/** What values depend on besides their field. */
export interface FieldRules {
  /** The binding's body format; a binding without one writes JSON. */
  readonly bodyFormat?: BodyFormat | undefined;
}

/**
 * Judges a change by the kind of its field (RFC.md, patches). Headers: a string is one line, a list one line each.
 * Query: the same with values. Errors are fixed sentences and hold nothing of the value.
 */
export function checkFieldValue(change: FieldChange, rules: FieldRules): Result<CheckedChange, string> {
  const { field } = change;
  switch (field.kind) {
    case "header":
      return checkHeader(field, change);
    case "query":
      return checkQuery(field.name, change.value);
    case "label":
      return checkLabel(field.name, change.value);
    case "body":
      return checkBody(field.side, change.value, rules.bodyFormat ?? "json");
    case "status":
      return checkStatus(change.value);
    case "request":
      if (field.member === "method") return checkMethod(change.value);
      return field.member === "path" ? checkPath(change.value) : err("the field is read-only");
    case "readonly":
      return err("the field is read-only");
    default:
      return field satisfies never;
  }
}

function checkHeader(
  { side, name }: Extract<Field, { readonly kind: "header" }>,
  { effect, value }: FieldChange,
): Result<CheckedChange> {
  const kind = "header";
  if (value === undefined) return ok({ kind, side, name, lines: undefined, effect: "set" });
  const lines = textList(value);
  if (lines === undefined || lines.length === 0) return err("a header is a string or a list of strings");
  if (lines.length > FIXED_LIMITS.verdictHeaders) return err(`a header has at most ${FIXED_LIMITS.verdictHeaders} lines`);
  if (!lines.every(isHeaderValue)) return err("a header line has a character that headers cannot carry");
  return ok({ kind, side, name, lines, effect: effect === "append" ? "append" : "set" });
}

function checkQuery(name: string, value: Json | undefined): Result<CheckedChange> {
  const values = value === undefined ? [] : textList(value);
  if (values === undefined) return err("a query name has a string or a list of strings");
  return ok({ kind: "query", name, values: values.length === 0 ? undefined : values });
}

function checkLabel(name: string, value: Json | undefined): Result<CheckedChange> {
  if (value === undefined) return ok({ kind: "label", name, value });
  if (typeof value !== "string") return err("a label is a string");
  if (hasControl(value)) return err("a label has no control characters");
  const { labelBytes } = FIXED_LIMITS;
  return utf8Length(value, labelBytes) > labelBytes
    ? err(`a label has at most ${labelBytes} bytes`)
    : ok({ kind: "label", name, value });
}

function checkBody(side: Side, value: Json | undefined, format: BodyFormat): Result<CheckedChange> {
  if (value === undefined) return ok({ kind: "body", side, body: undefined });
  if (format === "json") return ok({ kind: "body", side, body: { format, json: value } });
  if (typeof value !== "string") return err(`a ${format} body is a string`);
  if (format === "text") return ok({ kind: "body", side, body: { format, text: value } });
  const bytes = fromBase64(value);
  return bytes === undefined ? err("a body of bytes is a base64 string") : ok({ kind: "body", side, body: { format, bytes } });
}

function checkStatus(value: Json | undefined): Result<CheckedChange> {
  return typeof value === "number" && Number.isInteger(value) && value >= 200 && value <= 599
    ? ok({ kind: "status", status: value })
    : err("a status is a number from 200 to 599");
}

function checkMethod(value: Json | undefined): Result<CheckedChange> {
  return typeof value === "string" && METHODS.has(value)
    ? ok({ kind: "method", method: value })
    : err(`a method is one of ${[...METHODS].join(", ")}`);
}

function checkPath(value: Json | undefined): Result<CheckedChange> {
  return typeof value === "string" && isNormalPath(value)
    ? ok({ kind: "path", path: value })
    : err("a path is in normal form, without query and fragment");
}

// CONNECT and TRACE are never forwarded
const METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);

function textList(value: Json): readonly string[] | undefined {
  if (typeof value === "string") return [value];
  if (!isJsonArray(value)) return undefined;
  return value.every((item) => typeof item === "string") ? value : undefined;
}

/** Whether a text has a C0 or C1 control character or DEL. */
export const hasControl = (text: string): boolean => /[\u0000-\u001f\u007f-\u009f]/.test(text);

// decoding alone is lenient: writing it again shows whether the text was base64 in its one spelling
function fromBase64(text: string): Uint8Array | undefined {
  const bytes = Buffer.from(text, "base64");
  return bytes.toString("base64") === text ? bytes : undefined;
}
