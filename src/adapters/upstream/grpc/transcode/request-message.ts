import {
  create,
  fromJsonString,
  mergeFromJson,
  ScalarType,
  toBinary,
  type DescField,
  type DescMessage,
  type JsonValue,
  type MessageShape,
} from "@bufbuild/protobuf";
import { err, ok, type Result } from "../../../../model/result.ts";
import type { Api, ApiCall } from "./api.ts";

/** Nesting of a request's JSON beyond this is refused. */
const MAX_DEPTH = 100;

/** Characters of a reason that are shown. */
const MAX_REASON = 300;

/** What a request says, as far as its message follows from it. */
export interface CallText {
  /** Decoded values by name, in order. */
  readonly query: ReadonlyMap<string, readonly string[]>;
  /** JSON; empty: none. */
  readonly body: string;
  /** What a field is given whatever the rest says; undefined: nothing. */
  readonly last?: { readonly field: readonly DescField[]; readonly text: string } | undefined;
}

/**
 * The request message of a call, encoded: the body, then the query, then the path, which has the last word on its fields. What the schema
 * does not have, or has otherwise, is an error that names it: a full sentence, for the client.
 */
export function requestMessage(api: Api, { method, rule, values }: ApiCall, { query, body, last }: CallText): Result<Uint8Array> {
  const { input } = method;
  try {
    const message = bodyMessage(api, input, rule.body, body);
    const taken = [...values.keys(), ...(rule.body === "" ? [] : [rule.body])];
    mergeValues(input, message, groupValues(input, query, { taken, isWhole: rule.body === "*" }));
    mergeValues(
      input,
      message,
      [...values].map(([path, value]) => ({ fields: fieldsAt(input, path), values: [value] })),
    );
    if (last !== undefined) mergeValues(input, message, [{ fields: last.field, values: [last.text] }]);
    return ok(toBinary(input, message));
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message : "it cannot be read";
    return err(`The request does not fit ${input.typeName}: ${visible(reason)}.`);
  }
}

const visible = (reason: string): string =>
  reason
    // first: the value that does not fit may be in it, and be the whole body
    .slice(0, MAX_REASON)
    .replaceAll(/[^\x20-\x7e]/g, "?")
    .replace(/\.$/, "");

function bodyMessage(api: Api, input: DescMessage, target: string, text: string): MessageShape<DescMessage> {
  if (target === "" && text.trim() !== "") throw new Error("this method takes no body");
  if (text.trim() === "") return create(input);
  const options = { registry: api.registry, recursionLimit: MAX_DEPTH };
  if (target === "*") return fromJsonString(input, text, options);
  // one value and nothing behind it, or it could bring other fields along
  JSON.parse(text);
  const field = input.fields.find(({ name }) => name === target);
  return fromJsonString(input, `{${JSON.stringify(field?.jsonName ?? target)}:${text}}`, options);
}

/** Values for one field, by the way to it. */
interface FieldValues {
  readonly fields: readonly DescField[];
  readonly values: readonly string[];
}

function groupValues(
  input: DescMessage,
  query: CallText["query"],
  { taken, isWhole }: { readonly taken: readonly string[]; readonly isWhole: boolean },
): readonly FieldValues[] {
  const groups = new Map<string, FieldValues>();
  for (const [name, values] of query) {
    if (isWhole) throw new Error(`query parameter ${name}: all fields are in the body`);
    const fields = fieldsAt(input, name);
    const path = fields.map((field) => field.name).join(".");
    if (taken.some((other) => path === other || path.startsWith(`${other}.`)))
      throw new Error(`query parameter ${name}: the field is said elsewhere`);
    if (groups.has(path)) throw new Error(`query parameter ${name}: the field is there by its other name`);
    groups.set(path, { fields, values });
  }
  return [...groups.values()];
}

/** The fields along a dotted path; by either of their names. */
function fieldsAt(input: DescMessage, path: string): readonly DescField[] {
  const fields: DescField[] = [];
  let message: DescMessage | undefined = input;
  for (const part of path.split(".")) {
    const field: DescField | undefined = message?.fields.find(({ name, jsonName }) => name === part || jsonName === part);
    if (field === undefined) throw new Error(`there is no field ${path}`);
    fields.push(field);
    message = field.fieldKind === "message" ? field.message : undefined;
  }
  return fields;
}

function mergeValues(input: DescMessage, message: MessageShape<DescMessage>, groups: readonly FieldValues[]): void {
  for (const { fields, values } of groups) {
    const last = fields.at(-1);
    if (last === undefined) continue;
    const path = fields.map(({ name }) => name).join(".");
    if (last.fieldKind === "map") throw new Error(`field ${path}: a map has no text`);
    if (last.fieldKind !== "list" && values.length > 1) throw new Error(`field ${path}: given more than once`);
    const one = values.map((value) => valueOf(last, value, path));
    const json = fields.reduceRight<JsonValue>(
      (inner, { jsonName }) => ({ [jsonName]: inner }),
      last.fieldKind === "list" ? one : (one[0] ?? null),
    );
    mergeFromJson(input, message, json, { recursionLimit: MAX_DEPTH });
  }
}

/** A text as the JSON of a field: numbers and enums have a form as text anyway. */
function valueOf(field: DescField, text: string, path: string): JsonValue {
  const scalar = field.fieldKind === "scalar" || field.fieldKind === "list" ? field.scalar : undefined;
  const wrapped = field.message?.typeName === "google.protobuf.BoolValue";
  if (scalar !== ScalarType.BOOL && !wrapped) {
    if (field.message !== undefined && !TEXTUAL.has(field.message.typeName))
      throw new Error(`field ${path}: a message has no text`);
    return text;
  }
  if (text !== "true" && text !== "false") throw new Error(`field ${path}: expected true or false`);
  return text === "true";
}

/** Messages whose JSON is a text, or is taken as one. */
const TEXTUAL: ReadonlySet<string> = new Set(
  [
    ...["Timestamp", "Duration", "FieldMask", "StringValue", "BytesValue", "Int32Value", "UInt32Value"],
    ...["Int64Value", "UInt64Value", "FloatValue", "DoubleValue", "BoolValue"],
  ].map((name) => `google.protobuf.${name}`),
);
