import type { Json, JsonObject } from "@sallyport/contract/json.ts";
import type { Phase } from "@sallyport/contract/phase.ts";
import { QueryText } from "@sallyport/contract/query-text.ts";
import type { PointerSet } from "@sallyport/contract/view-field.ts";
import type { Exchange } from "../model/exchange.ts";
import type { HeaderLines } from "../model/header-lines.ts";
import type { BodyView, ReviewSubject } from "../ports/review-client.ts";
import { isHiddenField, type HiddenNames } from "./hidden.ts";
import { readOnlyRoot } from "./read-only-root.ts";

/** Whose view it is. */
export interface ViewRules {
  readonly phase: Phase;
  readonly hidden: HiddenNames;
  /** Lifts hiding for the fields it names (C23). */
  readonly expose: PointerSet;
}

/**
 * The whole view of a subject as one document (RFC.md, view): everything that is there and not hidden. What an interceptor is sent is
 * this, cut to its needs; the encoder writes the same without building the document, and is tested against it.
 */
export function viewOf(subject: ReviewSubject, rules: ViewRules): Json {
  const { exchange } = subject;
  const authenticated = rules.phase !== "pre-auth";
  const responded = rules.phase === "post-response" && exchange.response !== undefined;
  return objectOf({
    request: requestOf(subject, rules),
    principal: authenticated ? readOnlyRoot(subject, "principal") : undefined,
    tenant: authenticated ? readOnlyRoot(subject, "tenant") : undefined,
    route: readOnlyRoot(subject, "route"),
    client: readOnlyRoot(subject, "client"),
    labels: exchange.labels,
    response: responded ? responseOf(exchange, subject.responseBody, rules) : undefined,
    outcome: readOnlyRoot(subject, "outcome"),
  });
}

function requestOf({ exchange, requestBody }: ReviewSubject, rules: ViewRules): Json {
  const { ids, protocol, head } = exchange;
  return objectOf({
    id: ids.requestId,
    protocol,
    method: head.method,
    scheme: head.scheme,
    host: head.host,
    path: head.path,
    query: queryOf(head.query, rules),
    headers: headersOf("request", head.headers, rules),
    body: bodyOf(requestBody),
  });
}

function responseOf({ response }: Exchange, body: BodyView | undefined, rules: ViewRules): Json | undefined {
  return (
    response && objectOf({ status: response.status, headers: headersOf("response", response.headers, rules), body: bodyOf(body) })
  );
}

function queryOf(raw: string | undefined, { hidden, expose }: ViewRules): JsonObject {
  const shown = new Map<string, Json>();
  for (const [name, values] of new QueryText(raw ?? "").all()) {
    if (!isHiddenField(hidden, { kind: "query", name }) || expose.covers(["request", "query", name])) shown.set(name, values);
  }
  return shown;
}

function headersOf(side: "request" | "response", headers: HeaderLines, { hidden, expose }: ViewRules): JsonObject {
  const shown = new Map<string, Json>();
  for (const name of headers.names()) {
    const isShown = !isHiddenField(hidden, { kind: "header", side, name }) || expose.covers([side, "headers", name]);
    if (isShown) shown.set(name, headers.joined(name) ?? "");
  }
  return shown;
}

function bodyOf(body: BodyView | undefined): Json | undefined {
  if (body === undefined) return undefined;
  if (body.format === "json") return body.value;
  return body.format === "text" ? body.text : body.bytes.toBase64();
}

/** A JSON object of the members that are there. */
function objectOf(members: Readonly<Record<string, Json | undefined>>): JsonObject {
  const object = new Map<string, Json>();
  for (const [name, value] of Object.entries(members)) if (value !== undefined) object.set(name, value);
  return object;
}
