import { describe, expect, it } from "vitest";
import { adminRoutes } from "../../../src/admin/admin-routes.ts";
import type { AdminRoute } from "../../../src/ports/admin-route.ts";
import { emptyPlan, FakeAdminFacts } from "../../support/admin-facts.ts";

/** What `path` answers, its body parsed when it is JSON. */
async function ask(facts: FakeAdminFacts, path: string): Promise<{ status: number; body: unknown }> {
  const route = routeAt(facts, path);
  const { status, contentType, body } = await route.answer({ query: {}, body: "" });
  return { status, body: contentType === "application/json" ? JSON.parse(body) : body };
}

function routeAt(facts: FakeAdminFacts, path: string): AdminRoute {
  const route = adminRoutes(facts).find((each) => each.path === path);
  if (route === undefined) throw new Error(`no route ${path}`);
  return route;
}

describe("the table of admin routes", () => {
  it("asks for the credential everywhere under /admin and nowhere else", () => {
    for (const { path, access } of adminRoutes(new FakeAdminFacts()))
      expect([path, access]).toEqual([path, path.startsWith("/admin/") ? "admin" : "public"]);
  });

  it("says of every answer what it means, and gives no answer it did not announce", async () => {
    const facts = new FakeAdminFacts();
    for (const route of adminRoutes(facts)) {
      const { status, contentType } = await route.answer({ query: {}, body: "" });
      expect(route.answers).toContainEqual(expect.objectContaining({ status, contentType }));
    }
  });
});

describe("/health", () => {
  it.each(["/health", "/healthz", "/livez"])("is well under the name %s even when not ready", async (path) => {
    const facts = new FakeAdminFacts();
    facts.isReady = false;
    expect(await ask(facts, path)).toEqual({ status: 200, body: { status: "ok" } });
  });
});

describe("/ready", () => {
  it("shows every check and, where one fails, why", async () => {
    const facts = new FakeAdminFacts();
    facts.isReady = false;
    facts.readinessChecks = [
      { name: "config", ok: true, critical: true, reason: "" },
      { name: "interceptor tenancy", ok: false, critical: true, reason: "not described: connection refused" },
    ];
    const expected = {
      status: 503,
      body: {
        status: "not_ready",
        checks: [
          { name: "config", ok: true, critical: true },
          { name: "interceptor tenancy", ok: false, critical: true, reason: "not described: connection refused" },
        ],
      },
    };
    expect(await ask(facts, "/ready")).toEqual(expected);
    expect(await ask(facts, "/readyz")).toEqual(expected);
  });

  it("stays ready, degraded, when a check fails after it once was", async () => {
    const facts = new FakeAdminFacts();
    facts.readinessChecks = [{ name: "interceptor tenancy", ok: false, critical: true, reason: "connection lost" }];
    expect(await ask(facts, "/ready")).toMatchObject({ status: 200, body: { status: "degraded" } });
  });
});

describe("/metrics", () => {
  it("passes the text on with its media type", async () => {
    expect(await routeAt(new FakeAdminFacts(), "/metrics").answer({ query: {}, body: "" })).toEqual({
      status: 200,
      contentType: "text/plain; version=0.0.4; charset=utf-8",
      body: "sallyport_x 1\n",
    });
  });
});

describe("/admin/plan", () => {
  it("shows its last changes, newest first", async () => {
    const facts = new FakeAdminFacts();
    const change = { at: "2026-01-01T00:00:00.000Z", reason: "admin", from: "r6", to: "r7", changes: ["route a: removed"] };
    facts.history = [change];
    expect((await ask(facts, "/admin/plan")).body).toMatchObject({ history: [change] });
  });

  it("shows the plan in force without the interceptors' config", async () => {
    const facts = new FakeAdminFacts();
    const withConfig = { ...emptyPlan("r7"), bindings: [{ id: "b", configJson: '{"api_key":"hunter2"}', configDigest: "d1" }] };
    // a binding cut to what the test is about
    facts.currentPlan = withConfig as unknown as typeof facts.currentPlan;
    const { body } = await ask(facts, "/admin/plan");
    expect(body).toMatchObject({ revision: "r7", bindings: [{ id: "b", config_digest: "d1" }], history: [] });
    expect(JSON.stringify(body)).not.toContain("hunter2");
  });
});

describe("/admin/reload", () => {
  it("answers 200 with what is in force, warnings included", async () => {
    const facts = new FakeAdminFacts();
    facts.reloadOutcome = { kind: "swapped", revision: "r2", warnings: ["w"], changes: ["route a: removed"] };
    expect(await ask(facts, "/admin/reload")).toEqual({
      status: 200,
      body: { outcome: "swapped", revision: "r2", warnings: ["w"], changes: ["route a: removed"] },
    });
    expect(facts.reloads).toEqual(["admin"]);
  });

  it("answers 422 with the issues and the revision that stays when refused", async () => {
    const facts = new FakeAdminFacts();
    facts.reloadOutcome = { kind: "rejected", revision: "r1", issues: ["g.yaml:1:1: /x: unknown key"] };
    expect(await ask(facts, "/admin/reload")).toEqual({
      status: 422,
      body: { outcome: "rejected", revision: "r1", issues: ["g.yaml:1:1: /x: unknown key"] },
    });
  });
});

describe("/admin/interceptors", () => {
  it("shows each one, with its last error where there is one", async () => {
    const facts = new FakeAdminFacts();
    const state = {
      name: "tenancy",
      endpoints: [{ url: "grpcs://127.0.0.1:7443", state: "serving", inFlight: 2 }] as const,
      described: true,
      version: "1.0.0",
      granted: ["assign (pre-route)"],
      ignored: ["extra (pre-auth)"],
    };
    const drift = { version: "2.0.0", digest: "d2", changes: ["binding tenancy/assign (pre-route): removed"], issues: [] };
    facts.states = [
      { ...state, manifestDigest: "d1", drift, lastError: "" },
      { ...state, name: "quota", described: false, manifestDigest: "", drift: undefined, lastError: "connection refused" },
    ];
    const { body } = await ask(facts, "/admin/interceptors");
    const endpoints = [{ url: "grpcs://127.0.0.1:7443", state: "serving", in_flight: 2 }];
    expect(body).toHaveProperty("interceptors", [
      { ...state, endpoints, manifest_digest: "d1", manifest_drift: drift },
      { ...state, endpoints, name: "quota", described: false, last_error: "connection refused" },
    ]);
  });
});

describe("/admin/openapi.json", () => {
  it("describes every route of the table, itself too, and which need the token", async () => {
    const facts = new FakeAdminFacts();
    const document = await ask(facts, "/admin/openapi.json");
    // the shape is what this test is about
    const { openapi, paths } = document.body as { openapi: string; paths: Record<string, Record<string, Operation>> };
    expect(openapi).toBe("3.1.0");
    for (const { method, path, access } of adminRoutes(facts)) {
      const operation = paths[path]?.[method.toLowerCase()];
      expect(operation?.security).toEqual(access === "admin" ? [{ admin: [] }] : []);
      expect(operation?.responses).toHaveProperty("default");
    }
    const ids = Object.values(paths).flatMap((path) => Object.values(path).map(({ operationId }) => operationId));
    expect(new Set(ids).size).toBe(ids.length);
  });
});

interface Operation {
  readonly operationId: string;
  readonly security: unknown;
  readonly responses: unknown;
}
