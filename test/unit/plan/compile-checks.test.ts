import { describe, expect, it } from "vitest";
import {
  bindingOf,
  compileText,
  configText,
  declared,
  interceptor,
  listed,
  manifest,
  planIssues,
  planOf,
  route,
  warningsOf,
} from "../../support/plan.ts";

describe("readiness (C32)", () => {
  const routes = [route("orders"), route("users"), route("public")];
  const guarded = async (...interceptors: readonly Record<string, unknown>[]) => {
    const plan = await planOf(configText({ routes, interceptors }));
    return {
      ...Object.fromEntries(plan.routes.map(({ name, guardedBy }) => [name, guardedBy])),
      required: plan.interceptors.map(({ required }) => required),
    };
  };

  it("keeps closed what the fail-closed bindings of an undescribed interceptor select", async () => {
    expect(
      await guarded(
        interceptor("svc", [
          listed("a", { match: { routes: ["orders"] } }),
          listed("b", { match: { routes: ["users"], paths: ["/v1/users/x"] } }),
        ]),
      ),
    ).toEqual({
      orders: ["svc"],
      users: ["svc"],
      public: [],
      required: [true],
    });
  });

  it("keeps every route closed where a binding names none, and under dynamic", async () => {
    expect(await guarded(interceptor("one", [listed("a")]), interceptor("two", [], { grant: "dynamic" }))).toEqual({
      orders: ["one", "two"],
      users: ["one", "two"],
      public: ["one", "two"],
      required: [true, true],
    });
  });

  it("keeps nothing closed for bindings that fail open, observe, or are disabled", async () => {
    const bindings = [
      listed("a", { failure_policy: "fail-open" }),
      listed("b", { mode: "observe" }),
      listed("c", { enabled: false }),
    ];
    expect(
      await guarded(interceptor("svc", bindings), interceptor("open", [], { grant: "dynamic", failure_policy: "fail-open" })),
    ).toEqual({
      orders: [],
      users: [],
      public: [],
      required: [false, false],
    });
  });

  it("keeps the fail-closed binding of a dynamic interceptor that is fail-open otherwise", async () => {
    const binding = listed("a", { failure_policy: "fail-closed", match: { routes: ["users"] } });
    expect(await guarded(interceptor("svc", [binding], { grant: "dynamic", failure_policy: "fail-open" }))).toEqual({
      orders: [],
      users: ["svc"],
      public: [],
      required: [true],
    });
  });

  it("opens the routes again with the manifest, and marks bindings without one", async () => {
    const text = configText({ interceptors: [interceptor("svc", [listed("a")])] });
    const before = await planOf(text);
    expect(bindingOf(before, "a")).toMatchObject({ described: false, needs: [], writes: [], ownsHeaders: [] });
    const after = await planOf(text, { svc: manifest(declared("a")) });
    expect([after.routes[0]?.guardedBy, bindingOf(after, "a").described]).toEqual([[], true]);
  });
});

describe("writers and owners (C10, C11)", () => {
  const two = (one: Parameters<typeof declared>[1], other: Parameters<typeof declared>[1]) =>
    planIssues(configText({ interceptors: [interceptor("one", [listed("a")]), interceptor("two", [listed("b")])] }), {
      one: manifest(declared("a", one)),
      two: manifest(declared("b", other)),
    });

  it.each([
    [["/labels/tier"], ["/labels/tier"], "/labels/tier"],
    [["/labels"], ["/labels/tier"], "/labels/tier"],
    [["/labels/tier"], ["/labels"], "/labels"],
    [["/labels"], ["/labels"], "/labels"],
  ])("refuse two writers of one label: %j and %j", async (one, other, label) => {
    expect(await two({ writes: one }, { writes: other })).toEqual([
      `/interceptors/1/bindings/0: ${label} is also written by one/a (pre-route); a label has one writer (narrow one of them with writes:)`,
    ]);
  });

  it("refuse two owners of one header, and tell each binding which headers are another's", async () => {
    const owning = { writes: ["/request/headers/x-a"], ownsHeaders: ["x-a"] };
    expect(await two(owning, owning)).toEqual([
      "/interceptors/1/bindings/0: the header x-a is also owned by one/a (pre-route); a header has one owner (narrow one of them with writes:)",
    ]);
    expect(await two(owning, { writes: ["/request/headers"] })).toEqual([]);
  });

  it("let one binding write a label under both names, and several write different ones", async () => {
    expect(await two({ writes: ["/labels/a", "/labels/b", "/labels/a"] }, { writes: ["/labels/c"] })).toEqual([]);
    expect(await two({ writes: ["/labels", "/labels/a"] }, {})).toEqual([]);
  });

  it("know the other spelling of an owned header as foreign", async () => {
    const plan = await planOf(
      configText({ interceptors: [interceptor("one", [listed("a")]), interceptor("two", [listed("b")])] }),
      {
        one: manifest(declared("a", { writes: ["/request/headers/x-tenant-id"], ownsHeaders: ["x-tenant-id"] })),
        two: manifest(declared("b", { writes: ["/request/headers/x_tenant_id"] })),
      },
    );
    expect(bindingOf(plan, "b").foreignHeaders).toEqual(["x-tenant-id"]);
    expect(bindingOf(plan, "a").foreignHeaders).toEqual([]);
  });

  it("refuse a route that is matched on an owned header: the client would choose it", async () => {
    const routes = [route("orders"), route("gold", { match: { path: "/v1/gold", headers: { "x-tier": "gold" } } })];
    const issues = await planIssues(
      configText({ routes, interceptors: [interceptor("tier", [listed("a", { match: { routes: ["orders"] } })])] }),
      {
        tier: manifest(declared("a", { writes: ["/request/headers/x-tier"], ownsHeaders: ["x-tier"] })),
      },
    );
    expect(issues).toEqual([
      "/routes/1/match/headers/x-tier: route gold is matched on a header that tier/a owns: clients could choose the route by sending it (match a label that the interceptor writes instead)",
    ]);
  });
});

describe("budgets (C20)", () => {
  const budgeted = (budget: string, timeouts: readonly string[], keys: Record<string, unknown> = {}) => ({
    text: configText({
      routes: [route("orders", { review_budget: budget })],
      interceptors: [
        interceptor(
          "svc",
          timeouts.map((timeout, index) => listed(`b${index}`, { timeout, ...keys })),
        ),
      ],
    }),
    manifests: { svc: manifest(...timeouts.map((_timeout, index) => declared(`b${index}`))) },
  });

  it("warn when the fail-closed bindings of a route may need more than there is", async () => {
    const { text, manifests } = budgeted("1s", ["1s", "1s"]);
    expect(warningsOf(await planOf(text, manifests))).toEqual([
      "/routes/0: route orders: its fail-closed bindings may need 2000 ms, review_budget is 1000 ms; each is promised 50 % of its timeout",
    ]);
  });

  it("are an error where a share is too short for a call", async () => {
    const { text, manifests } = budgeted("1s", ["30s", "100ms"]);
    expect(await planIssues(text, manifests)).toEqual([
      "/routes/0: review_budget 1000 ms leaves svc/b1 only 3.3 ms, less than the 10 ms a review needs (raise review_budget, lower timeouts, or bind fewer interceptors)",
    ]);
  });

  it("hold bindings that fail open for nothing", async () => {
    const { text, manifests } = budgeted("1s", ["30s", "30s"], { failure_policy: "fail-open" });
    expect(warningsOf(await planOf(text, manifests))).toEqual([]);
  });
});

describe("conditions and bodies", () => {
  const bound = (keys: Record<string, unknown>, parts: Parameters<typeof declared>[1], streaming = "auto") =>
    compileText(
      configText({ routes: [route("orders", { streaming })], interceptors: [interceptor("svc", [listed("b", keys)])] }),
      {
        svc: manifest(declared("b", parts)),
      },
    );
  const issueOf = async (...parts: Parameters<typeof bound>) => {
    const plan = await bound(...parts);
    return plan.ok ? undefined : plan.error.map(({ pointer, message }) => `${pointer}: ${message}`);
  };

  it.each([
    ["pre-auth", "principal.id == 'x'"],
    ["pre-route", "response.status == 200"],
    ["pre-route", "request.headers['authorization'] != ''"],
    ["pre-route", "request.headers[cookie"],
    ["pre-route", "request.method"],
  ])("refuse a condition at %s that cannot be asked: %s (C22)", async (phase, when) => {
    expect(await issueOf({ phase, match: { when } }, { phase: phase as "pre-auth" })).toEqual([
      expect.stringMatching(/^\/interceptors\/0\/bindings\/0\/match\/when: .+ \(expression line 1, column \d+\)$/),
    ]);
  });

  const late = { phase: "post-response", mode: "mutate" } as const;

  it.each<readonly [string, Record<string, unknown>, Parameters<typeof declared>[1], boolean]>([
    ["needs the body", {}, { needs: ["/response/body"] }, true],
    ["needs the whole response", {}, { needs: ["/response"] }, true],
    ["writes into the body", {}, { writes: ["/response/body/a"] }, true],
    ["asks for it in a condition", { match: { when: "response.body.a == 1" } }, {}, true],
    ["needs status and headers only", {}, { needs: ["/response/status", "/response/headers"] }, false],
    ["needs the request's body", {}, { needs: ["/request/body"] }, false],
  ])("on a route that streams: a binding that %s", async (_what, keys, parts, refused) => {
    const issues = await issueOf({ ...late, ...keys }, { ...late, ...parts }, "sse");
    expect(issues).toEqual(
      refused
        ? ["/interceptors/0/bindings/0: svc/b reads response bodies, and route orders streams them (streaming: sse)"]
        : undefined,
    );
    expect(await issueOf({ ...late, ...keys }, { ...late, ...parts })).toBeUndefined();
  });

  it("finds every issue at once", async () => {
    const text = configText({
      routes: [route("orders", { review_budget: "1s" })],
      require: [{ phase: "pre-auth", interceptor: "svc" }],
      interceptors: [
        interceptor(
          "svc",
          [listed("a", { timeout: "30s" }), listed("b", { timeout: "100ms", match: { when: "1" } }), listed("c")],
          { grant: "exact" },
        ),
      ],
    });
    const pointers = (await planIssues(text, { svc: manifest(declared("a"), declared("b"), declared("d")) })).map(
      (issue) => issue.split(":")[0],
    );
    expect(new Set(pointers)).toEqual(
      new Set([
        "/interceptors/0/bindings/1/match/when",
        "/interceptors/0/bindings/2",
        "/interceptors/0/grant",
        "/require/0",
        "/routes/0",
      ]),
    );
  });
});
