import type { View } from "@sallyport/contract/gen/sallyport/interceptor/v1/interceptor.ts";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { problemOf, reviewsOf, type Asking } from "./support/ask.ts";
import { openRoute } from "./support/configuration.ts";
import { readMetrics } from "./support/metrics.ts";
import { house, type House, type Row } from "./support/reviewed.ts";
import { byBinding, denying, json, patching, type Declares } from "./support/scripted.ts";

const OPS_TOKEN = "a-token-of-ops-00000000000000000";

const OPS = {
  sections: {
    authenticators: {
      ops: { type: "static-token", token_file: "ops.token", principal: { id: "ops", tenants: ["acme"], scopes: ["write"] } },
    },
  },
  files: { "ops.token": OPS_TOKEN },
};

const AS_OPS = ["Authorization", `Bearer ${OPS_TOKEN}`] as const;

describe("a binding in force", () => {
  let place: House;

  beforeAll(async () => {
    const looking = (id: string, operator: object, needs = ["/request", "/principal", "/labels", "/client", "/route"]): Row => ({
      declares: { id, phase: "pre-route", mode: "validate", needs },
      operator: { match: { routes: [id] }, ...operator },
    });
    const weaker = (id: string, declares: Partial<Declares>): Row => ({
      declares: { id, phase: "pre-route", mode: "mutate", needs: ["/request/path"], writes: ["/request/headers"], ...declares },
      operator: { mode: "validate", match: { routes: [id] } },
    });
    const rows: Row[] = [
      looking("narrow", { needs: ["/request/headers/x-in", "/request/query/q", "/principal/id"] }),
      looking("as-asked", {}, ["/request/headers/x-in"]),
      weaker("weakened", {}),
      looking("some-principals", { match: { routes: ["some-principals"], principals: ["ops"] } }),
      looking("some-labels", { order: 2, match: { routes: ["some-labels"], labels: { team: "blue" } } }),
      {
        declares: {
          id: "labeller",
          phase: "pre-route",
          mode: "mutate",
          needs: ["/request/headers/x-team"],
          writes: ["/labels/team"],
        },
        operator: { match: { routes: ["some-labels"] } },
      } satisfies Row,
      looking("conditional", {
        match: { routes: ["conditional"], when: 'request.headers["x-risk"] != "" && request.query["q"].size() == 0' },
      }),
      looking("broken-condition", { match: { routes: ["broken-condition"], when: 'int(request.headers["x-number"]) > 1' } }),
    ];
    rows.push(
      looking("by-body", { match: { routes: ["by-body"], when: 'request.body.word == "secret"' } }, ["/request/path"]),
      looking("reads-only", { match: { routes: ["reads-only"], methods: ["GET"] } }, ["/request/method"]),
      {
        declares: {
          id: "own-selector",
          phase: "pre-route",
          mode: "validate",
          needs: ["/request/path"],
          selector: { paths: ["/own-selector/*/edit"], methods: ["GET"] },
        },
        operator: { match: { paths: ["/own-selector/a/**"] } },
      },
    );
    const named = [
      "by-body",
      "reads-only",
      "own-selector",
      "narrow",
      "as-asked",
      "weakened",
      "some-principals",
      "some-labels",
      "conditional",
      "broken-condition",
    ];
    place = await house(rows, {
      ...OPS,
      sections: { ...OPS.sections, routes: named.map((name) => openRoute(name, { authenticate: ["ops", "anonymous"] })) },
    });
  });

  beforeEach(() => {
    place.service.answers = byBinding({});
  });

  afterAll(() => place?.[Symbol.asyncDispose]());

  /** The view the last request was reviewed by; undefined when it was not. */
  async function viewOf(asking: Asking): Promise<View | undefined> {
    const before = place.service.reviews.length;
    await place.send(asking);
    return place.service.reviews.slice(before).find(({ bindingId }) => bindingId !== "labeller")?.view;
  }

  it("is sent what the operator left of its needs, and nothing else (C30)", async () => {
    const view = await viewOf({ path: "/narrow/a?q=1&p=2", headers: [AS_OPS, ["X-In", "in"], ["X-Other", "other"]] });
    expect(view?.request).toMatchObject({
      headers: [{ name: "x-in", value: "in" }],
      query: [{ name: "q", values: ["1"] }],
      path: undefined,
      host: undefined,
      method: undefined,
    });
    expect(view?.principal).toMatchObject({ id: "ops", tenants: [], scopes: [] });
    expect([view?.client, view?.route]).toEqual([undefined, undefined]);
  });

  it("is sent what it asked for, and no more, where the operator says nothing (C30)", async () => {
    const view = await viewOf({
      path: "/as-asked/a?q=1",
      headers: [
        ["X-In", "in"],
        ["X-Other", "other"],
      ],
    });
    expect(view?.request?.headers).toEqual([{ name: "x-in", value: "in" }]);
    expect([view?.request?.path, view?.request?.query, view?.principal]).toEqual([undefined, [], undefined]);
  });

  it("may not patch where it was granted less than mutate: that is a breach of contract (C30)", async () => {
    place.service.answers = byBinding({
      weakened: ({ reviewId }) => patching(reviewId, [{ op: "add", path: "/request/headers/x-a", value: json('"x"') }]),
    });
    const { answer, line, seen } = await place.send({ path: "/weakened/a" });
    expect(problemOf(answer).code).toBe("interceptor_invalid_verdict");
    expect(reviewsOf(line)).toEqual([expect.objectContaining({ mode: "validate", failure: "invalid", reason: "contract" })]);
    expect(seen).toEqual([]);
  });

  it("reviews where its selectors and those of its manifest meet (C30)", async () => {
    expect(await viewOf({ path: "/own-selector/a/edit" })).toBeDefined();
    for (const path of ["/own-selector/b/edit", "/own-selector/a/look"]) expect(await viewOf({ path })).toBeUndefined();
    expect(await viewOf({ method: "DELETE", path: "/own-selector/a/edit" })).toBeUndefined();
  });

  it("that selects GET reviews HEAD as well (C26)", async () => {
    expect((await viewOf({ method: "HEAD", path: "/reads-only/a" }))?.request?.method).toBe("HEAD");
    expect(await viewOf({ method: "POST", path: "/reads-only/a" })).toBeUndefined();
  });

  it("whose condition reads the body needs it: one that cannot be shown is refused, not a way around it (C22, C18)", async () => {
    const posting = (body: string): Asking => ({
      method: "POST",
      path: "/by-body/a",
      headers: [["Content-Type", "application/json"]],
      body,
    });
    expect(await viewOf(posting('{"word":"secret"}'))).toBeDefined();
    expect(await viewOf(posting('{"word":"other"}'))).toBeUndefined();
    const { answer, seen } = await place.send(posting('{"word":"secret"'));
    expect([problemOf(answer).code, seen]).toEqual(["body_malformed", []]);
  });

  it("reviews only the principals it selects", async () => {
    expect(await viewOf({ path: "/some-principals/a" })).toBeUndefined();
    expect(await viewOf({ path: "/some-principals/a", headers: [AS_OPS] })).toBeDefined();
  });

  it("reviews only requests with the labels it selects, as earlier bindings set them", async () => {
    place.service.answers = byBinding({
      labeller: ({ reviewId, view }) =>
        patching(
          reviewId,
          (view?.request?.headers ?? []).map(({ value }) => ({ op: "add", path: "/labels/team", value }) as const),
        ),
      "some-labels": ({ reviewId }) => denying(reviewId),
    });
    expect((await place.send({ path: "/some-labels/a" })).answer.status).toBe(200);
    expect((await place.send({ path: "/some-labels/a", headers: [["X-Team", "green"]] })).answer.status).toBe(200);
    expect((await place.send({ path: "/some-labels/a", headers: [["X-Team", "blue"]] })).answer.status).toBe(403);
  });

  it("reviews only where its condition holds; an absent header reads as empty text, an absent query name as an empty list (C22)", async () => {
    expect(await viewOf({ path: "/conditional/a" })).toBeUndefined();
    expect(await viewOf({ path: "/conditional/a?q=1", headers: [["X-Risk", "high"]] })).toBeUndefined();
    expect(await viewOf({ path: "/conditional/a", headers: [["X-Risk", "high"]] })).toBeDefined();
  });

  it("reviews where its condition cannot be evaluated: that is a match, warned of and counted (C22)", async () => {
    const labels = { interceptor: "scripted", binding: "broken-condition", phase: "pre-route" };
    expect(await viewOf({ path: "/broken-condition/a", headers: [["X-Number", "1"]] })).toBeUndefined();
    expect(await viewOf({ path: "/broken-condition/a", headers: [["X-Number", "no number"]] })).toBeDefined();
    expect((await readMetrics(place.gateway))("sallyport_when_errors_total", labels)).toBe(1);
    expect(place.gateway.lines).toContainEqual(
      expect.objectContaining({ level: "warn", event: "when_failed", binding: "scripted/broken-condition" }),
    );
  });
});
