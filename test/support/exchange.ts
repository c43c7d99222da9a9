import { HeaderLines } from "../../src/model/header-lines.ts";
import type { Exchange, RequestHead, Response } from "../../src/model/exchange.ts";
import { ANONYMOUS } from "../../src/model/principal.ts";

/** An exchange for tests: a GET without a body and without a response, unless told otherwise. */
export function exchangeOf(
  parts: { readonly head?: Partial<RequestHead>; readonly response?: Partial<Response> } & Partial<
    Omit<Exchange, "head" | "response">
  > = {},
): Exchange {
  const { head, response, ...rest } = parts;
  return {
    ids: {
      requestId: "req-1",
      correlationId: "cor-1",
      traceId: "0".repeat(31) + "1",
      traceparent: `00-${"0".repeat(31)}1-${"0".repeat(15)}1-01`,
    },
    listener: "main",
    protocol: "http",
    client: { address: "192.0.2.1", tlsSubject: "" },
    head: {
      method: "GET",
      scheme: "http",
      host: "example.org",
      path: "/",
      query: undefined,
      headers: HeaderLines.EMPTY,
      ...head,
    },
    body: undefined,
    principal: ANONYMOUS,
    tenant: "",
    labels: new Map(),
    response: response === undefined ? undefined : { status: 200, headers: HeaderLines.EMPTY, body: undefined, ...response },
    ...rest,
  };
}
