import { describe, expect, it } from "vitest";
import { isStream } from "../../../../src/model/byte-stream.ts";
import type { Response } from "../../../../src/model/exchange.ts";
import { HeaderLines } from "../../../../src/model/header-lines.ts";
import { shownResponses, type ShownTerms } from "../../../../src/policies/forward/to-shown-response.ts";
import { bytesOf, textOf } from "../../../support/byte-flow.ts";
import { exchangeWith } from "../../../support/received.ts";

const DEFAULTS: ShownTerms = { upstreamErrors: { client: "verbatim", server: "opaque" }, errorFormat: "problem" };

const INNER = "postgres://orders@10.1.2.3 refused the connection";

function shown(status: number, terms: Partial<ShownTerms> = {}, lines: readonly (readonly [string, string])[] = []): Response {
  const response = { status, headers: HeaderLines.of(["content-type", "text/plain"], ...lines), body: bytesOf(INNER) };
  return shownResponses({ ...DEFAULTS, ...terms })(response, exchangeWith([]));
}

const bodyText = ({ body }: Response): string => (body === undefined || isStream(body) ? "" : textOf(body));

describe("an upstream's response as it is shown", () => {
  it.each([200, 204, 301, 304, 400, 401, 404, 429, 499])("with status %i is the upstream's own", (status) => {
    const response = shown(status);
    expect([response.status, bodyText(response), response.headers.first("content-type")]).toEqual([status, INNER, "text/plain"]);
  });

  it.each([500, 501, 502, 503, 504, 529, 599])("with status %i keeps the status and nothing it says of its inside", (status) => {
    const response = shown(status, {}, [
      ["server", "inner/1.0"],
      ["x-debug", INNER],
      ["set-cookie", "debug=1"],
      ["Retry-After", "7"],
      ["x-should-retry", "true"],
      ["Access-Control-Allow-Origin", "https://site.test"],
      ["vary", "origin"],
      ["x-ratelimit-remaining", "0"],
    ]);
    expect(JSON.parse(bodyText(response))).toMatchObject({
      status,
      code: "upstream_error",
      retryable: status === 503,
      request_id: "r-1",
    });
    expect([...response.headers.names()].toSorted()).toEqual(
      [
        ...["access-control-allow-origin", "cache-control", "content-type", "retry-after", "vary"],
        ...["x-correlation-id", "x-ratelimit-remaining", "x-request-id", "x-should-retry"],
      ].toSorted(),
    );
    expect(response.headers.first("retry-after")).toBe("7");
    expect(JSON.stringify([response.headers.toRaw(), bodyText(response)])).not.toMatch(/postgres|10\.1\.2\.3|inner|debug/);
  });

  it("wears the form of its route", () => {
    expect(JSON.parse(bodyText(shown(500, { errorFormat: "openai" })))).toMatchObject({
      error: { code: "upstream_error", type: "server_error", param: null },
    });
    expect(JSON.parse(bodyText(shown(500, { errorFormat: "simple" })))).toEqual({
      code: "upstream_error",
      message: "The upstream could not answer this request.",
      retryable: false,
    });
  });

  it.each([
    ["verbatim", "verbatim", 500, 500, true],
    ["verbatim", "bad-gateway", 503, 502, false],
    ["opaque", "opaque", 404, 404, false],
    ["bad-gateway", "opaque", 404, 502, false],
    ["bad-gateway", "verbatim", 600, 600, true],
  ] as const)("with 4xx %s and 5xx %s turns %i into %i", (client, server, status, becomes, isOwn) => {
    const response = shown(status, { upstreamErrors: { client, server } });
    expect(response.status).toBe(becomes);
    expect(bodyText(response) === INNER).toBe(isOwn);
    if (!isOwn) expect(JSON.parse(bodyText(response))).toMatchObject({ code: "upstream_error", status: becomes });
  });

  it("does not let a Connection line decide which of them stay", () => {
    const response = shown(502, {}, [
      ["Connection", "retry-after"],
      ["retry-after", "3"],
    ]);
    expect(response.headers.lines("retry-after")).toEqual(["3"]);
    expect(response.headers.has("connection")).toBe(false);
  });
});
