import type { Json } from "@sallyport/contract/json.ts";
import { QueryText } from "@sallyport/contract/query-text.ts";
import type { Field } from "@sallyport/contract/view-field.ts";
import type { Exchange } from "../model/exchange.ts";
import type { HeaderLines } from "../model/header-lines.ts";
import type { BodyView, ReviewSubject } from "../ports/review-client.ts";
import { readOnlyRoot, valueAt } from "./read-only-root.ts";

/** Bodies as prepared for one binding; undefined where there is none or the binding does not see it. */
export interface ShownBodies {
  readonly request: BodyView | undefined;
  readonly response: BodyView | undefined;
}

/** The present value of a field, as a view would show it; undefined when absent. Whether it may be read is not asked here. */
export function readField(subject: ReviewSubject, field: Field): Json | undefined {
  const { exchange } = subject;
  switch (field.kind) {
    case "request":
      return requestMember(exchange, field.member);
    case "query":
      return queryValues(exchange.head.query, field.name);
    case "header":
      return headerValue(field.side === "request" ? exchange.head.headers : exchange.response?.headers, field.name);
    case "body":
      return bodyValue(field.side === "request" ? subject.requestBody : subject.responseBody);
    case "status":
      return exchange.response?.status;
    case "label":
      return exchange.labels.get(field.name);
    case "readonly":
      return valueAt(readOnlyRoot(subject, field.root), field.rest);
    default:
      return field satisfies never;
  }
}

function requestMember(exchange: Exchange, member: Extract<Field, { kind: "request" }>["member"]): string {
  if (member === "id") return exchange.ids.requestId;
  if (member === "protocol") return exchange.protocol;
  return exchange.head[member];
}

function queryValues(query: string | undefined, name: string): readonly string[] | undefined {
  const values = query === undefined ? [] : new QueryText(query).values(name);
  return values.length === 0 ? undefined : values;
}

// set-cookie lines cannot be joined (RFC 6265 §3), and appending to them is the one patch they allow (C23)
function headerValue(headers: HeaderLines | undefined, name: string): Json | undefined {
  return name === "set-cookie" ? (headers?.lines(name) ?? []) : headers?.joined(name);
}

function bodyValue(body: BodyView | undefined): Json | undefined {
  if (body === undefined) return undefined;
  if (body.format === "json") return body.value;
  return body.format === "text" ? body.text : body.bytes.toBase64();
}
