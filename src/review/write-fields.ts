import type { BodyChange, CheckedChange } from "@sallyport/contract/field-value.ts";
import { stringifyJson } from "@sallyport/contract/json.ts";
import { QueryText } from "@sallyport/contract/query-text.ts";
import type { Exchange, Response } from "../model/exchange.ts";
import type { HeaderLines } from "../model/header-lines.ts";

/** Fields that describe the bytes of a body, and lie once it was patched (C24). */
const BODY_DESCRIPTIONS: ReadonlySet<string> = new Set([
  "content-length",
  "content-encoding",
  "content-md5",
  "digest",
  "content-digest",
  "repr-digest",
  "etag",
  "signature",
  "signature-input",
  "x-hub-signature",
  "x-hub-signature-256",
  "x-signature",
  "x-amz-content-sha256",
]);

/**
 * The exchange with checked changes written into it; unpatched parts are shared, not copied. Bodies go first: a header a verdict
 * writes about its new body (a signature, a digest) stays, whatever the order of the operations.
 */
export function writeFields(exchange: Exchange, changes: readonly CheckedChange[]): Exchange {
  const isBody = ({ kind }: CheckedChange): boolean => kind === "body";
  const withBodies = changes.filter(isBody).reduce(writeField, exchange);
  return changes.filter((change) => !isBody(change)).reduce(writeField, withBodies);
}

function writeField(exchange: Exchange, change: CheckedChange): Exchange {
  const { head } = exchange;
  switch (change.kind) {
    case "method":
      return { ...exchange, head: { ...head, method: change.method } };
    case "path":
      return { ...exchange, head: { ...head, path: change.path } };
    case "query": {
      const raw = new QueryText(head.query ?? "").withName(change.name, change.values).raw;
      return { ...exchange, head: { ...head, query: raw === "" ? undefined : raw } };
    }
    case "label":
      return { ...exchange, labels: writeLabel(exchange.labels, change.name, change.value) };
    case "header":
      if (change.side === "request") return { ...exchange, head: { ...head, headers: writeHeader(head.headers, change) } };
      return withResponse(exchange, (response) => ({ ...response, headers: writeHeader(response.headers, change) }));
    case "status":
      return withResponse(exchange, (response) => ({ ...response, status: change.status }));
    case "body":
      return change.side === "request" ? writeRequestBody(exchange, change.body) : writeResponseBody(exchange, change.body);
    default:
      return change satisfies never;
  }
}

function withResponse(exchange: Exchange, edit: (response: Response) => Response): Exchange {
  return exchange.response === undefined ? exchange : { ...exchange, response: edit(exchange.response) };
}

function writeLabel(labels: ReadonlyMap<string, string>, name: string, value: string | undefined): ReadonlyMap<string, string> {
  const next = new Map(labels);
  if (value === undefined) next.delete(name);
  else next.set(name, value);
  return next;
}

function writeHeader(headers: HeaderLines, change: Extract<CheckedChange, { kind: "header" }>): HeaderLines {
  if (change.effect === "set" || change.lines === undefined) return headers.with(change.name, change.lines);
  return change.lines.reduce((lines, value) => lines.append(change.name, value), headers);
}

function writeRequestBody(exchange: Exchange, body: BodyChange | undefined): Exchange {
  const headers = describeBody(exchange.head.headers, body);
  return { ...exchange, head: { ...exchange.head, headers }, body: body === undefined ? undefined : bodyBytes(body) };
}

function writeResponseBody(exchange: Exchange, body: BodyChange | undefined): Exchange {
  return withResponse(exchange, (response) => ({
    ...response,
    headers: describeBody(response.headers, body),
    body: body === undefined ? undefined : bodyBytes(body),
  }));
}

function describeBody(headers: HeaderLines, body: BodyChange | undefined): HeaderLines {
  const described = headers.without((name) => BODY_DESCRIPTIONS.has(name));
  const typeless = body?.format === "json" && !described.has("content-type");
  return typeless ? described.append("content-type", "application/json") : described;
}

/** The bytes that are forwarded for a patched body: UTF-8, identity coding. */
export function bodyBytes(body: BodyChange): Uint8Array {
  if (body.format === "bytes") return body.bytes;
  return new TextEncoder().encode(body.format === "json" ? stringifyJson(body.json) : body.text);
}
