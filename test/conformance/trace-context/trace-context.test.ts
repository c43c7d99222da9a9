import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { oneRoute } from "../../support/one-route.ts";
import { exchangeRaw } from "../../support/raw-http.ts";
import { startGateway, type TestGateway } from "../../support/start-gateway.ts";
import { startUpstream, type TestUpstream } from "../../support/start-upstream.ts";
import { TRACE_CASES, TRACE_ID, type TraceCase } from "./cases.ts";

describe.each(["node", "sallyport"] as const)("W3C Trace Context level 1 (codec %s)", (codec) => {
  let upstream: TestUpstream;
  let gateway: TestGateway;

  beforeAll(async () => {
    upstream = await startUpstream();
    gateway = await startGateway({ config: oneRoute(upstream.url), codec });
  });

  afterAll(async () => {
    await gateway?.[Symbol.asyncDispose]();
    await upstream?.[Symbol.asyncDispose]();
  });

  it.each(TRACE_CASES)("$name", async ({ lines, trace, sampled, state }: TraceCase) => {
    const before = upstream.seen.length;
    const head = ["GET / HTTP/1.1", "Host: a.test", "Connection: close", ...lines.map(([name, value]) => `${name}: ${value}`)];
    expect(await exchangeRaw(Number(new URL(gateway.url).port), `${head.join("\r\n")}\r\n\r\n`)).toMatch(/^HTTP\/1\.1 200 /);
    const seen = upstream.seen[before];
    const headers: Readonly<Record<string, string>> = seen?.headers ?? {};
    const [, traceId, parentId, flags] = /^00-([0-9a-f]{32})-([0-9a-f]{16})-(0[01])$/.exec(headers["traceparent"] ?? "") ?? [];
    expect([traceId === TRACE_ID ? "continued" : "new", flags]).toEqual([trace, sampled ? "01" : "00"]);
    expect(traceId).not.toMatch(/^0+$/);
    expect(parentId).not.toMatch(/^(?:0+|1234567890123456)$/);
    expect(headers["tracestate"]?.replaceAll(", ", ",")).toBe(state?.replaceAll(", ", ","));
    const names = seen?.rawHeaders.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase());
    expect(names?.filter((name) => name === "traceparent")).toHaveLength(1);
  });

  it("are more than a hundred cases with names of their own", () => {
    expect(TRACE_CASES.length).toBeGreaterThan(100);
    expect(new Set(TRACE_CASES.map(({ name }) => name)).size).toBe(TRACE_CASES.length);
  });
});
