import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { ExecutionPlan } from "../../src/model/plan.ts";
import { diffPlans } from "../../src/plan/diff-plans.ts";
import { configText, declared, interceptor, listed, manifest, planOf, route, type Section } from "../support/plan.ts";
import { filesMatching, REPOSITORY } from "../support/source-tree.ts";

// test/golden/plan-diff/<case>.txt is what operators read when a plan changes. UPDATE_GOLDEN=1 writes them anew.
const UPDATE = process.env["UPDATE_GOLDEN"] === "1";

const TENANCY = declared("assign", {
  needs: ["/request/headers/x-tenant-id", "/principal"],
  writes: ["/request/headers/x-tenant-id", "/labels/tenant"],
  ownsHeaders: ["x-tenant-id"],
});

const tenancy = (keys: Section = {}, own: Section = {}, declaration = TENANCY): Promise<ExecutionPlan> =>
  planOf(configText({ interceptors: [interceptor("tenancy", [listed("assign", keys)], own)] }), {
    tenancy: manifest(declaration),
  });

const CASES: Readonly<Record<string, () => Promise<readonly [before: ExecutionPlan, after: ExecutionPlan]>>> = {
  "01-nothing": async () => [await tenancy(), await tenancy()],
  "02-another-manifest": async () => [
    await tenancy(),
    await tenancy(
      {},
      {},
      {
        ...TENANCY,
        needs: ["/principal", "/request/body"],
        writes: ["/request/headers/x-tenant-id"],
        selector: { methods: ["POST"], hosts: [], paths: [] },
        idempotent: true,
        body: "text",
      },
    ),
  ],
  "03-every-term-of-a-binding": async () => [
    await tenancy({ config: { api_key: "hunter2" } }),
    await tenancy(
      {
        config: { api_key: "hunter3" },
        mode: "validate",
        order: 5,
        timeout: "1s",
        max_patches: 3,
        max_response_bytes: "2MiB",
        max_body_bytes: "1KiB",
        failure_policy: "fail-open",
        on_unreviewable: "skip",
        enforcement: "shadow",
        percent: 10,
        decode: ["gzip"],
        expose: ["/request/headers/cookie"],
        needs: ["/principal"],
        match: {
          methods: ["GET"],
          paths: ["/v1/orders/x"],
          hosts: ["api.example.org"],
          principals: ["ops"],
          labels: { tier: "gold" },
          when: "request.method == 'GET'",
        },
      },
      { grant: "exact", order: 7, max_concurrent_reviews: 8, max_pending_reviews: 9, endpoint: "grpc://127.0.0.1:7444" },
    ),
  ],
  "04-things-come-and-go": async () => [
    await planOf(configText({ interceptors: [interceptor("tenancy", [listed("assign")])], routes: [route("orders"), route("old")] }), {
      tenancy: manifest(TENANCY),
    }),
    await planOf(
      configText({
        interceptors: [interceptor("quota", [listed("take", { mode: "validate" })])],
        routes: [route("orders"), route("new", { match: { path: "/new", methods: ["POST"], hosts: ["a.example"] } })],
        authenticators: { ops: { type: "static-token", token_file: "ops.token", principal: { id: "ops" } } },
      }),
      {},
      { files: { "ops.token": "hunter2-hunter2-hunter2" } },
    ),
  ],
  "05-routes-and-upstreams": async () => [
    await planOf(configText({ routes: [route("orders", { match: { path: "/v1/orders/**", headers: { "x-key": "hunter2" } } })] })),
    await planOf(
      configText({
        upstreams: {
          orders: {
            endpoints: ["http://127.0.0.1:9000", "http://127.0.0.1:9001"],
            max_requests: 7,
            timeouts: { connect: "1s", total: "10s" },
            credential: { slot: "header/x-service", secret: "${KEY}" },
            protocol: "grpc",
            descriptor_set_file: "shop.binpb",
          },
        },
        routes: [
          route("orders", {
            match: { path: "/v2/orders/**", methods: ["GET", "POST"], headers: { "x-other": "hunter3" }, query: { v: "2" } },
            labels: { tier: "gold" },
            max_body_bytes: "1MiB",
            review_budget: "1s",
            streaming: "sse",
            warnings: true,
            transcode: {
              services: ["shop.v1.Shop"],
              rules: [{ method: "shop.v1.Shop/Create", post: "/v2/orders/all", body: "*" }],
              sse: [{ method: "shop.v1.Shop/Watch", event: "kind", retry: "1s" }],
            },
          }),
        ],
        secrets: { headers: ["x-secret"] },
      }),
      {},
      { env: { KEY: "hunter4-hunter4" }, files: { "shop.binpb": "hunter5" } },
    ),
  ],
  "06-not-described-any-more": async () => [
    await tenancy(),
    await planOf(configText({ interceptors: [interceptor("tenancy", [listed("assign")])] })),
  ],
  "07-pages": async () => {
    const pages = (cors: Section): Promise<ExecutionPlan> =>
      planOf(configText({ routes: [route("orders", { policies: { cors } })] }));
    const origins = ["https://app.example.org"];
    return [
      await pages({ origins, methods: ["PUT"], max_age: "5m" }),
      await pages({ origins: ["https://*.example.org"], headers: ["x-a"], credentials: true, expose: ["x-total"] }),
    ];
  },
  "08-pages-come": async () => [
    await planOf(configText({ routes: [route("orders")] })),
    await planOf(configText({ routes: [route("orders", { policies: { cors: { origins: ["*"] } } })] })),
  ],
};

describe("what differs between two plans", () => {
  it.each(Object.entries(CASES))("is told as before: %s", async (name, plans) => {
    const text = diffPlans(...(await plans())).map((line) => `${line}\n`).join("");
    const file = join(REPOSITORY, `test/golden/plan-diff/${name}.txt`);
    if (UPDATE) writeFileSync(file, text);
    expect(text).toBe(readFileSync(file, "utf8"));
    expect(text).not.toContain("hunter");
  });

  it("has a file for each case and no other", () => {
    const files = filesMatching("test/golden/plan-diff/*.txt").map((path) => path.split("/").at(-1));
    expect(new Set(files)).toEqual(new Set(Object.keys(CASES).map((name) => `${name}.txt`)));
  });

  it("is never longer than 200 lines and one that counts the rest, and no line longer than 400 characters", async () => {
    const many = (count: number, path: string): Promise<ExecutionPlan> =>
      planOf(configText({ routes: Array.from({ length: count }, (_, index) => route(`r${index}`, { match: { path: `${path}/${index}` } })) }));
    const lines = diffPlans(await many(250, "/a"), await many(250, "/b"));
    expect([lines.length, lines.at(-1)]).toEqual([201, "… and 50 more"]);
    const needs = Array.from({ length: 100 }, (_, index) => `/request/headers/x-header-${index}`);
    const [line] = diffPlans(await tenancy(), await tenancy({}, {}, { ...TENANCY, needs: [...TENANCY.needs, ...needs] }));
    expect(line).toHaveLength(400);
    expect(line?.endsWith("…")).toBe(true);
  });

  it("says something wherever the revision is another", async () => {
    for (const plans of Object.values(CASES)) {
      const [before, after] = await plans();
      expect(diffPlans(before, after).length === 0).toBe(before.revision === after.revision);
    }
  });
});
