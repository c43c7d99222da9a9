import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { View } from "@sallyport/contract/gen/sallyport/interceptor/v1/interceptor.ts";
import { startGateway } from "../support/start-gateway.ts";
import { gatewayFiles } from "../support/start-interceptor.ts";
import { problemOf, reviewsOf, type Asking } from "./support/ask.ts";
import { configuration, interceptorAt, openRoute } from "./support/configuration.ts";
import { readMetrics } from "./support/metrics.ts";
import { house, type House, type Row } from "./support/reviewed.ts";
import { byBinding, denying, json, patching, scripted, type Declares, type Scripted } from "./support/scripted.ts";

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

describe("a grant", () => {
  let service: Scripted;

  beforeAll(async () => {
    service = await scripted([
      { id: "change", phase: "pre-route", mode: "mutate", needs: ["/request/headers"], writes: ["/request/headers"] },
      { id: "look", phase: "pre-route", mode: "validate", needs: ["/request/path"] },
      { id: "early", phase: "pre-auth", mode: "validate", needs: ["/request/path"] },
      { id: "late", phase: "post-response", mode: "mutate", needs: ["/response/status"] },
    ]);
  });

  afterAll(() => service?.[Symbol.asyncDispose]());

  const gatewayWith = async (entry: object, sections: object = {}) =>
    startGateway({
      strict: true,
      files: await gatewayFiles(),
      config: configuration({
        upstreams: { main: { endpoints: ["http://127.0.0.1:1"] } },
        routes: [openRoute("all"), openRoute("get", { match: { path: "/get/**", methods: ["GET"] } })],
        interceptors: [interceptorAt(service.port, { timeout: "500ms", ...entry })],
        ...sections,
      }),
    });

  const change = { id: "change", phase: "pre-route", mode: "mutate" };
  const look = { id: "look", phase: "pre-route", mode: "validate" };
  const late = { id: "late", phase: "post-response", mode: "mutate" };
  const early = { id: "early", phase: "pre-auth", mode: "validate" };

  it.each([
    ["allowlist takes what the operator lists, and warns of the rest", { bindings: [change] }, 1, /declares "look".*not granted/],
    ["exact takes all where all is listed", { grant: "exact", bindings: [change, look, early, late] }, 4, undefined],
    ["dynamic takes what the manifest declares, and warns", { grant: "dynamic" }, 4, /grant is dynamic/],
    [
      "dynamic lets the operator disable a binding",
      { grant: "dynamic", bindings: [{ ...look, enabled: false }] },
      3,
      /grant is dynamic/,
    ],
  ])("%s (C30)", async (_what, entry, bindings, warning) => {
    await using gateway = await gatewayWith(entry);
    expect(gateway.running.counts.bindings).toBe(bindings);
    if (warning === undefined) expect(gateway.running.warnings).toEqual([]);
    else expect(gateway.running.warnings).toContainEqual(expect.stringMatching(warning));
  });

  it.each([
    ["exact refuses what is not listed", { grant: "exact", bindings: [change] }, /\/interceptors\/0.*look/],
    [
      "a listed binding the manifest lacks is refused",
      { bindings: [{ ...look, id: "gone" }] },
      /\/interceptors\/0\/bindings\/0: the manifest declares no binding "gone"/,
    ],
    [
      "a binding at another phase is another binding",
      { bindings: [{ ...look, phase: "pre-auth" }] },
      /at pre-route, not at pre-auth/,
    ],
    ["a mode stronger than the manifest's is refused", { bindings: [{ ...look, mode: "mutate" }] }, /stronger than the validate/],
    [
      "needs the manifest does not ask for are refused",
      { bindings: [{ ...look, needs: ["/request/host"] }] },
      /needs \/request\/host/,
    ],
    [
      "writes the manifest does not ask for are refused",
      { bindings: [{ ...change, writes: ["/request/body"] }] },
      /writes \/request\/body/,
    ],
    [
      "a fail-closed observer is refused",
      { bindings: [{ ...look, mode: "observe", failure_policy: "fail-closed" }] },
      /always fail-open/,
    ],
    [
      "a condition on the principal at pre-auth is refused",
      { bindings: [{ ...early, match: { when: 'principal.id == "a"' } }] },
      /principal/,
    ],
    [
      "a condition on the response before there is one is refused",
      { bindings: [{ ...look, match: { when: "response.status == 200" } }] },
      /response/,
    ],
    ["the power to respond after the response is refused", { bindings: [{ ...late, may: ["respond"] }] }, /bindings\/0\/may\/0/],
    ["a condition that is no CEL is refused", { bindings: [{ ...look, match: { when: "request.path ==" } }] }, /when/],
  ])("%s, with its place in the file (C30, C22)", async (_what, entry, reason) => {
    const refusal = await gatewayWith(entry).then(
      () => "it started",
      (error: unknown) => String(error),
    );
    expect(refusal).toMatch(/gateway\.yaml:\d+:\d+: \//);
    expect(refusal).toMatch(reason);
  });

  it.each([
    ["fail-open", { failure_policy: "fail-open" }, /fail-open/],
    ["conditional", { match: { when: 'request.path != "/all/x"' } }, /conditional/],
    ["one that skips", { on_unreviewable: "skip" }, /skip/],
    ["an observer", { mode: "observe" }, /no enforcing binding/],
    ["disabled", { enabled: false }, /no enforcing binding/],
    ["for other methods only", { match: { methods: ["POST"] } }, /only POST/],
    ["for other paths only", { match: { paths: ["/all/a/**"] } }, /only the paths/],
    ["for another route only", { match: { routes: ["get"] } }, /leaves the route out/],
    ["for some principals only", { match: { principals: ["ops"] } }, /principals/],
  ])(
    "that require names is not met by a binding that is %s: the gateway does not start, and says which route and why (C31)",
    async (_what, keys, reason) => {
      const claim = { require: [{ routes: ["all"], phase: "pre-route", interceptor: "scripted" }] };
      await expect(gatewayWith({ bindings: [{ ...look, ...keys }] }, claim)).rejects.toThrow(
        /gateway\.yaml:\d+:\d+: \/require\/0: route all is not covered/,
      );
      await expect(gatewayWith({ bindings: [{ ...look, ...keys }] }, claim)).rejects.toThrow(reason);
    },
  );

  it.each([
    ["covers every method, host and path", { bindings: [look] }, { routes: ["all", "get"] }],
    ["covers the methods the route has", { bindings: [{ ...look, match: { methods: ["GET"] } }] }, { routes: ["get"] }],
    [
      "covers the methods the claim names",
      { bindings: [{ ...look, match: { methods: ["POST", "PUT"] } }] },
      { routes: ["all"], methods: ["POST"] },
    ],
    [
      "has a gap the claim accepts by name",
      { bindings: [{ ...look, failure_policy: "fail-open" }] },
      { routes: ["all"], accept: ["fail-open"] },
    ],
  ])("that require names is met by a binding that %s (C31)", async (_what, entry, claim) => {
    await using gateway = await gatewayWith(entry, { require: [{ ...claim, phase: "pre-route", interceptor: "scripted" }] });
    expect(gateway.running.ready).toBe(true);
  });
});

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
    const rows = [
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
    const named = ["narrow", "as-asked", "weakened", "some-principals", "some-labels", "conditional", "broken-condition"];
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
