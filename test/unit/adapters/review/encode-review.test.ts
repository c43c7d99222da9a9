import { ReviewRequest } from "@sallyport/contract/gen/sallyport/interceptor/v1/interceptor.ts";
import { jsonEquals, parseJson, stringifyJson, type Json } from "@sallyport/contract/json.ts";
import { compilePointers, type PointerSet } from "@sallyport/contract/view-field.ts";
import { decodeStrict } from "@sallyport/contract/wire.ts";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compileEncoder, compileViewEncoder } from "../../../../src/adapters/review/encode-review.ts";
import { HeaderLines } from "../../../../src/model/header-lines.ts";
import type { BindingPlan } from "../../../../src/model/plan.ts";
import type { BodyView, ReviewSubject } from "../../../../src/ports/review-client.ts";
import { viewOf } from "../../../../src/review/view.ts";
import { cutJson } from "../../../../src/support/cut-json.ts";
import { bindingPlan } from "../../../support/binding-plan.ts";
import { exchangeOf } from "../../../support/exchange.ts";
import { sentDocument, withoutEmpty } from "../../../support/sent-view.ts";

const HIDDEN = { headers: new Set(["authorization", "cookie", "x-hidden"]), query: new Set(["token"]) };
const NOTHING_HIDDEN = { headers: new Set<string>(), query: new Set<string>() };

function sent(binding: BindingPlan, subject: ReviewSubject, hidden: typeof HIDDEN = HIDDEN): ReviewRequest {
  const bytes = compileEncoder(binding, hidden)(subject, { reviewId: "r", attempt: 1 });
  const decoded = decodeStrict(ReviewRequest, bytes);
  if (!decoded.ok) throw new Error(decoded.error);
  return decoded.value;
}

function pointers(list: readonly string[]): PointerSet {
  const compiled = compilePointers(list);
  if (!compiled.ok) throw new Error(compiled.error);
  return compiled.value;
}

const subjectOf = (exchange = exchangeOf(), parts: Partial<ReviewSubject> = {}): ReviewSubject => ({
  exchange,
  route: { name: "main", labels: { team: "shop" } },
  requestBody: undefined,
  responseBody: undefined,
  outcome: undefined,
  ...parts,
});

describe("a review request", () => {
  it("names the review, the attempt, the binding and what is enforced", () => {
    const binding = bindingPlan({ id: "b", phase: "post-response", mode: "validate", digest: "abc", configDigest: "def" });
    const bytes = compileEncoder(binding, HIDDEN)(subjectOf(), { reviewId: "req-1:post-response:tenancy/b", attempt: 2 });
    expect({ ...ReviewRequest.decode(bytes), view: undefined }).toEqual({
      reviewId: "req-1:post-response:tenancy/b",
      attempt: 2,
      bindingId: "b",
      phase: 3,
      mode: 2,
      bindingDigest: "abc",
      configDigest: "def",
      view: undefined,
    });
  });

  it("is the same where its view was made first", () => {
    const binding = bindingPlan({ needs: ["/request", "/client/address", "/route"], digest: "abc" });
    const ids = { reviewId: "r", attempt: 2 };
    const subject = subjectOf(exchangeOf({ head: { path: "/p", headers: HeaderLines.of(["x-a", "1"], ["x-hidden", "2"]) } }));
    const bytes = compileViewEncoder(binding, HIDDEN)(subject);
    const review = compileEncoder(binding, HIDDEN)(subject, ids);
    expect(bytes.byteLength).toBeGreaterThan(0);
    expect(review.subarray(-bytes.byteLength)).toEqual(bytes);
  });

  it("holds nothing of an earlier one that broke off while it was written", () => {
    const encode = compileEncoder(bindingPlan({ needs: ["/request/path", "/client/address"] }), HIDDEN);
    const ids = { reviewId: "r", attempt: 1 };
    const good = subjectOf();
    const expected = encode(good, ids);
    const broken = Object.defineProperty({ ...exchangeOf({ head: { path: "/of-somebody-else" } }) }, "client", {
      get: () => {
        throw new Error("a bug");
      },
    });
    expect(() => encode(subjectOf(broken), ids)).toThrow("a bug");
    expect(encode(good, ids)).toEqual(expected);
  });

  it("shows what is needed and nothing else", () => {
    const exchange = exchangeOf({
      head: { headers: HeaderLines.of(["x-a", "1"], ["X-A", "2"], ["x-b", "3"], ["cookie", "c=1"]), query: "q=1&q=2&r=3" },
      labels: new Map([
        ["tier", "gold"],
        ["other", "x"],
      ]),
    });
    const { view } = sent(
      bindingPlan({ needs: ["/request/headers/x-a", "/request/query/q", "/labels/tier", "/labels/none", "/route/name"] }),
      subjectOf(exchange),
    );
    expect(view?.request).toMatchObject({
      headers: [{ name: "x-a", value: "1, 2" }],
      query: [{ name: "q", values: ["1", "2"] }],
      body: undefined,
    });
    expect(view?.request?.path).toBeUndefined();
    expect(view?.labels).toEqual([{ name: "tier", value: "gold" }]);
    expect(view?.route).toEqual({ name: "main", labels: [] });
    expect([view?.principal, view?.client, view?.response]).toEqual([undefined, undefined, undefined]);
  });

  it("never shows what is hidden, unless it is exposed to this binding (C23)", () => {
    const exchange = exchangeOf({
      head: { headers: HeaderLines.of(["authorization", "s3cret"], ["x-hidden", "s3cret"]), query: "token=s3cret&a=b" },
    });
    const all = ["/request/headers", "/request/headers/x-hidden", "/request/query", "/request/query/token"];
    const hidden = JSON.stringify(sent(bindingPlan({ needs: all }), subjectOf(exchange)));
    expect(hidden).not.toContain("s3cret");
    const some = sent(
      bindingPlan({ needs: all, expose: ["/request/headers/x-hidden", "/request/query/token"] }),
      subjectOf(exchange),
    );
    expect(some.view?.request?.headers).toEqual([{ name: "x-hidden", value: "s3cret" }]);
    expect(some.view?.request?.query).toContainEqual({ name: "token", values: ["s3cret"] });
  });

  it("hides set-cookie of a response whatever the plan hides (C23)", () => {
    const exchange = exchangeOf({ response: { headers: HeaderLines.of(["set-cookie", "sid=1"], ["x-a", "1"]) } });
    const needs = ["/response/headers", "/response/headers/set-cookie"];
    expect(
      sent(bindingPlan({ phase: "post-response", needs }), subjectOf(exchange), NOTHING_HIDDEN).view?.response?.headers,
    ).toEqual([{ name: "x-a", value: "1" }]);
  });

  it("shows no principal at pre-auth and no response before post-response, whatever the needs say", () => {
    const exchange = exchangeOf({ response: { status: 200 } });
    expect(
      sent(bindingPlan({ phase: "pre-auth", needs: ["/principal", "/tenant", "/response"] }), subjectOf(exchange)).view,
    ).toMatchObject({
      principal: undefined,
      tenant: undefined,
      response: undefined,
    });
  });

  it("does not touch headers nobody needs", () => {
    const touched: string[] = [];
    const headers = new Proxy(HeaderLines.of(["x-a", "1"], ["x-b", "2"]), {
      get(target, member) {
        touched.push(String(member));
        return Reflect.get(target, member, target).bind(target);
      },
    });
    sent(bindingPlan({ needs: ["/request/path", "/labels"] }), subjectOf(exchangeOf({ head: { headers } })));
    expect(touched).toEqual([]);
  });

  it.each(["json", "text", "bytes"] as const)("carries a large body in %s whole", (format) => {
    const text = JSON.stringify({ text: "é".repeat(200_000), n: "x".repeat(300_000) });
    const body: BodyView =
      format === "json"
        ? { format, text, value: null }
        : format === "text"
          ? { format, text }
          : { format, bytes: new TextEncoder().encode(text) };
    const { view } = sent(
      bindingPlan({ needs: ["/request/body", "/request/path"], body: format }),
      subjectOf(exchangeOf(), { requestBody: body }),
    );
    const content = view?.request?.body?.content;
    expect(content?.value).toEqual(format === "bytes" ? Buffer.from(text) : text);
    expect(view?.request?.path).toBe("/");
  });
});

const name = fc.constantFrom("x-a", "x-b", "x-hidden", "cookie", "set-cookie", "__proto__", "constructor");
const value = fc.string({ unit: fc.constantFrom("a", "é", "ÿ", " ", ",", "~", "/"), maxLength: 200 });
const labels = fc.array(fc.tuple(fc.constantFrom("tier", "team", "__proto__"), value), { maxLength: 3 });
const jsonText = fc.json({ maxDepth: 3 });

const bodyView: fc.Arbitrary<BodyView | undefined> = fc.oneof(
  fc.constant(undefined),
  jsonText.map((text): BodyView => ({ format: "json", text, value: must(parseJson(text)) })),
  fc.string({ unit: "grapheme" }).map((text): BodyView => ({ format: "text", text })),
  fc.uint8Array().map((bytes): BodyView => ({ format: "bytes", bytes })),
);

const principal = fc.record({
  id: value,
  anonymous: fc.boolean(),
  type: fc.constantFrom("api-key", ""),
  tenants: fc.array(value, { maxLength: 2 }),
  scopes: fc.array(value, { maxLength: 2 }),
  roles: fc.array(value, { maxLength: 2 }),
  claimsJson: fc.oneof(
    fc.constant(""),
    fc.constant("{}"),
    fc.dictionary(fc.constantFrom("a", "b", "__proto__"), fc.jsonValue({ maxDepth: 2 })).map((claims) => JSON.stringify(claims)),
  ),
});

const subject = fc
  .record({
    headers: fc.array(fc.tuple(name, value), { maxLength: 6 }),
    query: fc.option(
      fc.array(fc.tuple(fc.constantFrom("q", "r", "token", "a%20b", "__proto__"), fc.constantFrom("", "1", "x%C3%A9", "+")), {
        maxLength: 4,
      }),
      { nil: undefined },
    ),
    path: fc.constantFrom("/", "/a/b", "/%C3%A9"),
    principal,
    tenant: value,
    labels,
    routeLabels: labels,
    response: fc.option(
      fc.record({ status: fc.integer({ min: 100, max: 599 }), headers: fc.array(fc.tuple(name, value), { maxLength: 4 }) }),
      { nil: undefined },
    ),
    requestBody: bodyView,
    responseBody: bodyView,
    outcome: fc.option(
      fc.record({
        status: fc.integer({ min: 100, max: 599 }),
        decidedBy: value,
        failure: value,
        durationMs: fc.nat(),
        bytes: fc.maxSafeNat(),
        open: fc.boolean(),
      }),
      { nil: undefined },
    ),
  })
  .map(({ headers, query, path, response, routeLabels, ...rest }): ReviewSubject => ({
    exchange: exchangeOf({
      head: { path, headers: HeaderLines.of(...headers), query: query?.map(([name, value]) => `${name}=${value}`).join("&") },
      principal: rest.principal,
      tenant: rest.tenant,
      labels: new Map(rest.labels),
      ...(response === undefined ? {} : { response: { status: response.status, headers: HeaderLines.of(...response.headers) } }),
    }),
    route: { name: "main", labels: Object.fromEntries(routeLabels.filter(([label]) => label !== "__proto__")) },
    requestBody: rest.requestBody,
    responseBody: rest.responseBody,
    outcome: rest.outcome,
  }));

const POINTERS = [
  ..."/request /request/id /request/path /request/host /request/headers /request/headers/x-a /request/headers/x-hidden /request/headers/__proto__".split(
    " ",
  ),
  ..."/request/query /request/query/q /request/query/token /request/query/a~1b /request/body /response /response/status /response/headers".split(
    " ",
  ),
  ..."/response/headers/x-b /response/headers/set-cookie /response/body /principal /principal/id /principal/tenants /principal/anonymous".split(
    " ",
  ),
  ..."/principal/claims /principal/claims/a /principal/claims/b/c /tenant /tenant/id /route /route/name /route/labels /route/labels/tier".split(
    " ",
  ),
  ..."/client /client/address /labels /labels/tier /outcome /outcome/status /outcome/open".split(" "),
];

const EXPOSABLE = [
  "/request/headers/x-hidden",
  "/request/headers/cookie",
  "/request/query/token",
  "/response/headers/set-cookie",
];

describe("the encoder", () => {
  it("writes exactly the view, cut to the needs", () =>
    fc.assert(
      fc.property(
        subject,
        fc.subarray(POINTERS),
        fc.subarray(EXPOSABLE),
        fc.constantFrom("pre-auth", "pre-route", "post-response"),
        (shown, needs, expose, phase) => {
          const binding = bindingPlan({ phase, needs, expose });
          const document = sentDocument(sent(binding, shown).view, pointers(needs));
          const expected = cutJson(viewOf(shown, { phase, hidden: HIDDEN, expose: pointers(expose) }), pointers(needs));
          expect(textOf(document)).toBe(textOf(withoutEmpty(expected)));
          if (document !== undefined && expected !== undefined)
            expect(jsonEquals(document, withoutEmpty(expected) ?? null)).toBe(true);
        },
      ),
      { numRuns: 500 },
    ));
});

/** The same text for the same document, whatever the order of members. */
function textOf(document: Json | undefined): string {
  const sorted = (value: Json): Json =>
    value instanceof Map
      ? new Map([...value].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([key, member]) => [key, sorted(member)]))
      : value;
  return document === undefined ? "nothing" : stringifyJson(sorted(document));
}

function must<T>(result: { readonly ok: true; readonly value: T } | { readonly ok: false }): T {
  if (!result.ok) throw new Error("not ok");
  return result.value;
}
