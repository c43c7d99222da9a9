import { isHeaderName } from "./header-text.ts";
import { escapeToken, parsePointer } from "./json-pointer.ts";
import { err, ok, type Result } from "./result.ts";

/** Which half of the exchange. */
export type Side = "request" | "response";

/** The unit of reading and writing in a view (RFC.md, view): what `needs`, `writes` and patches name. */
export type Field =
  | { readonly kind: "request"; readonly member: RequestMember }
  | { readonly kind: "query"; readonly name: string }
  | { readonly kind: "header"; readonly side: Side; readonly name: string }
  | { readonly kind: "body"; readonly side: Side }
  | { readonly kind: "status" }
  | { readonly kind: "label"; readonly name: string }
  | { readonly kind: "readonly"; readonly root: ReadonlyRoot; readonly rest: readonly string[] };

/** Members of `/request` that are single strings. */
export type RequestMember = (typeof REQUEST_MEMBERS)[number];

/** Parts of the view no patch ever writes. */
export type ReadonlyRoot = (typeof READONLY_ROOTS)[number];

/** A field, and what a pointer says below it: inside a body, or at an element of a header's or a query name's list. */
export interface FieldPointer {
  readonly field: Field;
  readonly rest: readonly string[];
}

/** The field a JSON pointer names. Refuses containers of fields (`/request/headers`) and what a view does not have. */
export function parseFieldPointer(pointer: string): Result<FieldPointer> {
  const tokens = parsePointer(pointer);
  return tokens.ok ? fieldAt(tokens.value) : tokens;
}

/** {@link parseFieldPointer} for a pointer that is already in parts. */
export function fieldAt(tokens: readonly string[]): Result<FieldPointer> {
  const [root, second, third] = tokens;
  if (root === undefined || second === undefined) return fieldAtRoot(root);
  switch (root) {
    case "request":
      return requestField(second, third, tokens);
    case "response":
      if (second === "status") return whole({ kind: "status" }, tokens, 2);
      return sideField("response", second, third, tokens);
    case "labels":
      if (!isLabelName(second)) return err("a label name is 1 to 64 letters, digits, '.', '_' or '-'");
      return whole({ kind: "label", name: second }, tokens, 2);
    default:
      if (!isReadonlyRoot(root)) return err(NO_FIELD);
      return ok({ field: { kind: "readonly", root, rest: tokens.slice(1) }, rest: [] });
  }
}

/** The canonical JSON pointer of a field: equal for equal fields. */
export function fieldKey(field: Field): string {
  switch (field.kind) {
    case "request":
      return `/request/${field.member}`;
    case "query":
      return `/request/query/${escapeToken(field.name)}`;
    case "header":
      return `/${field.side}/headers/${escapeToken(field.name)}`;
    case "body":
      return `/${field.side}/body`;
    case "status":
      return "/response/status";
    case "label":
      return `/labels/${escapeToken(field.name)}`;
    case "readonly":
      return [`/${field.root}`, ...field.rest.map(escapeToken)].join("/");
    default:
      return field satisfies never;
  }
}

/** The reference tokens of {@link fieldKey}. */
export function fieldTokens(field: Field): readonly string[] {
  switch (field.kind) {
    case "request":
      return ["request", field.member];
    case "query":
      return ["request", "query", field.name];
    case "header":
      return [field.side, "headers", field.name];
    case "body":
      return [field.side, "body"];
    case "status":
      return ["response", "status"];
    case "label":
      return ["labels", field.name];
    case "readonly":
      return [field.root, ...field.rest];
    default:
      return field satisfies never;
  }
}

/** Whether a text can name a label: it appears in pointers, logs and conditions. */
export const isLabelName = (name: string): boolean => /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name);

/** Whether tokens name a part of the view that only holds fields, such as `/request/headers`. */
export function isContainerPointer(tokens: readonly string[]): boolean {
  const [root, second] = tokens;
  if (tokens.length === 1) return root === "request" || root === "response" || root === "labels";
  if (tokens.length !== 2) return false;
  return (root === "request" && second === "query") || (isSide(root) && second === "headers");
}

const REQUEST_MEMBERS = ["id", "protocol", "method", "scheme", "host", "path"] as const;
const READONLY_ROOTS = ["principal", "tenant", "route", "client", "outcome"] as const;
const NO_FIELD = "there is no such field in a view";

const isReadonlyRoot = (text: string): text is ReadonlyRoot => READONLY_ROOTS.some((root) => root === text);
const isRequestMember = (text: string): text is RequestMember => REQUEST_MEMBERS.some((member) => member === text);
const isSide = (text: string | undefined): text is Side => text === "request" || text === "response";

function fieldAtRoot(root: string | undefined): Result<FieldPointer> {
  if (root === undefined || !isReadonlyRoot(root)) return err("it names no single field");
  return ok({ field: { kind: "readonly", root, rest: [] }, rest: [] });
}

function requestField(second: string, third: string | undefined, tokens: readonly string[]): Result<FieldPointer> {
  if (isRequestMember(second)) return whole({ kind: "request", member: second }, tokens, 2);
  if (second !== "query") return sideField("request", second, third, tokens);
  if (third === undefined) return err("it names no single field");
  return listed({ kind: "query", name: third }, tokens);
}

function sideField(side: Side, second: string, third: string | undefined, tokens: readonly string[]): Result<FieldPointer> {
  if (second === "body") return ok({ field: { kind: "body", side }, rest: tokens.slice(2) });
  if (second !== "headers") return err(NO_FIELD);
  if (third === undefined) return err("it names no single field");
  if (!isHeaderName(third)) return err("a header name is a token in lower case");
  return listed({ kind: "header", side, name: third }, tokens);
}

function whole(field: Field, tokens: readonly string[], length: number): Result<FieldPointer> {
  return tokens.length === length ? ok({ field, rest: [] }) : err("there is nothing below this field");
}

function listed(field: Field, tokens: readonly string[]): Result<FieldPointer> {
  return tokens.length <= 4 ? ok({ field, rest: tokens.slice(3) }) : err("there is nothing below an element of a list");
}
