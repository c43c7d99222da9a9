import { describe, expect, it } from "vitest";
import { compile } from "../../../src/plan/compile.ts";
import { configOf } from "../../support/config-text.ts";
import {
  bindingOf,
  bindingsOn,
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

const TENANCY = declared("assign", {
  needs: ["/request/headers/x-tenant-id", "/principal"],
  writes: ["/request/headers/x-tenant-id", "/labels/tenant"],
  ownsHeaders: ["x-tenant-id"],
  idempotent: true,
});

describe("a compiled plan", () => {
  it("holds everything that runs, frozen through and through, and no secret", async () => {
    const text = configText({
      interceptors: [
        interceptor("tenancy", [listed("assign", { config: { tenants: ["acme"] }, timeout: "250ms" })], { order: 5 }),
      ],
      upstreams: { orders: { endpoints: ["http://127.0.0.1:9000"], credential: { slot: "header/x-key", secret: "${KEY}" } } },
    });
    const { config } = await configOf(text, { env: { KEY: "k3y" } });
    const compiled = compile(config, new Map([["tenancy", manifest(TENANCY)]]), () => ({ file: "f", line: 1, column: 1 }));
    if (!compiled.ok) throw new Error("did not compile");
    const plan = compiled.value;
    expect(plan.bindings).toMatchObject([
      {
        interceptor: "tenancy",
        id: "assign",
        order: [5, 0],
        needs: TENANCY.needs,
        writes: TENANCY.writes,
        ownsHeaders: ["x-tenant-id"],
        failurePolicy: "fail-closed",
        idempotent: true,
        described: true,
        limits: { timeoutMs: 250 },
        configJson: '{"tenants":["acme"]}',
      },
    ]);
    expect(plan.interceptors).toMatchObject([{ name: "tenancy", described: true, version: "1.0.0", required: true }]);
    expect(plan.upstreams).toMatchObject([{ name: "orders", credentialSlot: "header/x-key" }]);
    expect(JSON.stringify(plan)).not.toContain("k3y");
    const isFrozen = (value: unknown): boolean =>
      typeof value !== "object" || value === null || (Object.isFrozen(value) && Object.values(value).every(isFrozen));
    expect(isFrozen(plan)).toBe(true);
  });

  it("puts each binding on the routes its selector leaves, except_routes and route_labels included", async () => {
    const routes = [
      route("orders", { labels: { tier: "gold" } }),
      route("users"),
      route("public", { labels: { tier: "gold", open: "yes" } }),
    ];
    const bindings = [
      listed("all"),
      listed("some", { match: { routes: ["orders", "users"] } }),
      listed("others", { match: { except_routes: ["public"] } }),
      listed("gold", { match: { route_labels: { tier: "gold" } } }),
      listed("both", { match: { routes: ["orders", "public"], route_labels: { open: "yes" } } }),
    ];
    const svc = manifest(...["all", "some", "others", "gold", "both"].map((id) => declared(id)));
    const plan = await planOf(configText({ routes, interceptors: [interceptor("svc", bindings)] }), { svc });
    expect(bindingsOn(plan, "orders")).toEqual(["svc/all", "svc/gold", "svc/others", "svc/some"]);
    expect(bindingsOn(plan, "users")).toEqual(["svc/all", "svc/others", "svc/some"]);
    expect(bindingsOn(plan, "public")).toEqual(["svc/all", "svc/both", "svc/gold"]);
  });

  it("shows a body only to bindings that read or write one, in the operator's format, the manifest's, or JSON", async () => {
    const cases: Record<string, readonly [Parameters<typeof declared>[1], object, string | undefined]> = {
      none: [{ needs: ["/request/headers"] }, { body: "text" }, undefined],
      reads: [{ needs: ["/request/body"] }, {}, "json"],
      writes: [{ writes: ["/request/body/a"] }, {}, "json"],
      all: [{ needs: ["/request"] }, {}, "json"],
      asked: [{ needs: ["/request/body"], body: "bytes" }, {}, "bytes"],
      told: [{ needs: ["/request/body"], body: "bytes" }, { body: "text" }, "text"],
      narrowed: [{ needs: ["/request/body", "/request/path"] }, { needs: ["/request/path"] }, undefined],
    };
    const svc = manifest(...Object.entries(cases).map(([id, [parts]]) => declared(id, parts)));
    const bindings = Object.entries(cases).map(([id, [, keys]]) => listed(id, keys as Record<string, unknown>));
    const plan = await planOf(configText({ interceptors: [interceptor("svc", bindings)] }), { svc });
    for (const [id, [, , expected]] of Object.entries(cases)) expect([id, bindingOf(plan, id).body]).toEqual([id, expected]);
  });

  it("hides the slots of every authenticator and upstream on every route, and what the operator adds (C23)", async () => {
    const text = configText({
      secrets: { headers: ["X-Session"], query: ["sig"] },
      upstreams: { orders: { endpoints: ["http://127.0.0.1:9000"], credential: { slot: "query/api_key", secret: "k" } } },
      authenticators: {
        ops: {
          type: "static-token",
          slots: ["bearer", "header/X-Ops", "websocket-protocol/Key."],
          token_file: "ops.token",
          principal: { id: "ops" },
        },
      },
    });
    expect((await planOf(text, {}, { files: { "ops.token": "t".repeat(32) } })).hidden).toEqual({
      headers: ["authorization", "cookie", "proxy-authorization", "set-cookie", "x-ops", "x-session"],
      query: ["api_key", "sig"],
      subprotocols: ["key."],
    });
  });

  it("hides every slot of the providers where one of them is an upstream (C23)", async () => {
    const text = configText({
      upstreams: { orders: { endpoints: ["http://127.0.0.1:9000"], credential: { preset: "anthropic", secret: "k" } } },
    });
    const plan = await planOf(text);
    expect(plan.hidden.headers).toEqual(expect.arrayContaining(["api-key", "authorization", "x-api-key", "x-goog-api-key"]));
    expect(plan.hidden.query).toEqual(["access_token", "key"]);
    expect(plan.hidden.subprotocols).toEqual(["openai-insecure-api-key."]);
    expect(plan.upstreams[0]?.credentialSlot).toBe("header/x-api-key");
  });

  it("lets observers hold nothing up, whatever the interceptor's policy (C29)", async () => {
    const text = configText({ interceptors: [interceptor("svc", [], { grant: "dynamic" })] });
    const plan = await planOf(text, { svc: manifest(declared("watch", { mode: "observe", needs: ["/outcome"] })) });
    expect(bindingOf(plan, "watch")).toMatchObject({ mode: "observe", failurePolicy: "fail-open" });
    expect(plan.interceptors[0]?.required).toBe(false);
  });

  it("warns of reviews that travel unprotected", async () => {
    const plan = await planOf(configText({ interceptors: [interceptor("svc", [])] }), { svc: manifest() });
    expect(plan.warnings).toEqual([
      expect.stringMatching(/^gateway\.yaml:1:\d+: \/interceptors\/0\/endpoint: reviews for svc travel unprotected/),
    ]);
  });
});

describe("identities (C30)", () => {
  const compiled = (
    keys: Record<string, unknown> = {},
    parts: Parameters<typeof declared>[1] = {},
    more: readonly Record<string, unknown>[] = [],
  ) =>
    planOf(configText({ interceptors: [interceptor("svc", [listed("b", keys)]), ...more] }), {
      svc: manifest(declared("b", { writes: ["/request/headers/x-a", "/request/headers/x-b"], ...parts })),
      other: manifest(declared("o", { writes: ["/request/headers/x-o", "/request/headers/x-a"], ownsHeaders: ["x-o"] })),
    });
  const digestOf = async (...parts: Parameters<typeof compiled>) => bindingOf(await compiled(...parts), "b").digest;

  it("stay the same for the same grant: however lists are ordered, and whatever else the file says", async () => {
    const digest = await digestOf();
    expect(digest).toMatch(/^[0-9a-f]{64}$/);
    expect(await digestOf()).toBe(digest);
    expect(await digestOf({}, { writes: ["/request/headers/x-b", "/request/headers/x-a"] })).toBe(digest);
    expect(await digestOf({ writes: ["/request/headers"] })).toBe(digest);
    expect(await digestOf({}, {}, [interceptor("other", [listed("o")])])).toBe(digest);
  });

  it.each<readonly [string, Record<string, unknown>]>([
    ["mode", { mode: "validate" }],
    ["policy", { failure_policy: "fail-open" }],
    ["limits", { timeout: "100ms" }],
    ["writes", { writes: ["/request/headers/x-a"] }],
    ["powers", { may: ["reroute"] }],
    ["exposure", { expose: ["/request/headers/cookie"] }],
    ["selector", { match: { paths: ["/v1/**"] } }],
    ["condition", { match: { when: "request.method == 'GET'" } }],
    ["order", { order: 1 }],
    ["config", { config: { a: 1 } }],
  ])("change with the %s", async (_what, keys) => {
    expect(await digestOf(keys)).not.toBe(await digestOf());
  });

  it("change when a header the binding writes comes to be another's (C10)", async () => {
    const other = interceptor("other", [listed("o")]);
    const writing = { writes: ["/request/headers"] };
    expect(await digestOf({}, writing, [other])).not.toBe(await digestOf({}, writing));
    expect(bindingOf(await compiled({}, writing, [other]), "b").foreignHeaders).toEqual(["x-o"]);
  });

  it("of configs are those of their canonical text", async () => {
    const one = bindingOf(await compiled({ config: { b: 1, a: [1.5] } }), "b");
    const two = bindingOf(await compiled({ config: { a: [1.5], b: 1 } }), "b");
    expect([one.configJson, one.configDigest]).toEqual([two.configJson, two.configDigest]);
    expect(one.configDigest).toMatch(/^[0-9a-f]{64}$/);
    expect(bindingOf(await compiled(), "b").configDigest).toBe("");
  });

  it("of plans change with what runs, and not with where it is written", async () => {
    const text = configText({ interceptors: [interceptor("svc", [listed("b")])] });
    const manifests = { svc: manifest(declared("b")) };
    const plan = await planOf(text, manifests);
    expect(plan.revision).toMatch(/^[0-9a-f]{12}$/);
    const moved = await planOf(`# a comment\n\n${text}`, manifests);
    expect(moved.warnings).not.toEqual(plan.warnings);
    expect(moved.revision).toBe(plan.revision);
    expect((await planOf(text.replace("/v1/orders", "/v2/orders"), manifests)).revision).not.toBe(plan.revision);
    expect((await planOf(text)).revision).not.toBe(plan.revision);
  });
});

describe("grants (C30)", () => {
  const svc = manifest(declared("a"), declared("b"));
  const granted = (grant: string, ...bindings: readonly Record<string, unknown>[]) =>
    configText({ interceptors: [interceptor("svc", bindings, { grant })] });

  it("allowlist: bind what is listed, warn of the rest", async () => {
    const plan = await planOf(granted("allowlist", listed("a")), { svc });
    expect(bindingsOn(plan, "orders")).toEqual(["svc/a"]);
    expect(warningsOf(plan)).toEqual([
      '/interceptors/0: the manifest of svc declares "b" (pre-route), which is not listed and therefore not granted',
    ]);
  });

  it("exact: refuse a manifest that declares more", async () => {
    expect(await planIssues(granted("exact", listed("a")), { svc })).toEqual([
      '/interceptors/0/grant: grant is exact, and the manifest declares "b" (pre-route), which is not listed',
    ]);
    expect(bindingsOn(await planOf(granted("exact", listed("a"), listed("b", { enabled: false })), { svc }), "orders")).toEqual([
      "svc/a",
    ]);
  });

  it("dynamic: bind what is declared, without powers and exposure, and warn of it", async () => {
    const plan = await planOf(granted("dynamic", listed("a", { may: ["reroute"], failure_policy: "fail-open" })), { svc });
    expect(bindingsOn(plan, "orders")).toEqual(["svc/a", "svc/b"]);
    expect(bindingOf(plan, "a")).toMatchObject({ may: ["reroute"], failurePolicy: "fail-open" });
    expect(bindingOf(plan, "b")).toMatchObject({ may: [], expose: [], failurePolicy: "fail-closed", order: [1000, 0] });
    expect(warningsOf(plan)).toEqual(["/interceptors/0/grant: grant is dynamic: whatever the manifest of svc declares is bound"]);
  });

  it("refuse what is listed and not to be had, at its place", async () => {
    expect(await planIssues(granted("allowlist", listed("a"), listed("b"), listed("c")), { svc })).toEqual([
      '/interceptors/0/bindings/2: the manifest declares no binding "c" at pre-route; it declares: a (pre-route), b (pre-route)',
    ]);
  });

  it.each<readonly [string, Parameters<typeof declared>[1], string]>([
    ["a method in lower case", { selector: { methods: ["get"], hosts: [], paths: [] } }, '"get" is not a method in upper case'],
    [
      "a host in upper case",
      { selector: { methods: [], hosts: ["API.example.org"], paths: [] } },
      '"API.example.org" is not a host in lower case',
    ],
    [
      "a host with a port",
      { selector: { methods: [], hosts: ["api.example.org:80"], paths: [] } },
      '"api.example.org:80" is not a host in lower case',
    ],
    [
      "a path that no request has",
      { selector: { methods: [], hosts: [], paths: ["/a//b"] } },
      '"/a//b" is not in the grammar of path patterns',
    ],
    [
      "a hidden field to write",
      { writes: ["/request/headers/authorization"] },
      "writes /request/headers/authorization, which is hidden; narrow it with writes:",
    ],
    ["a field nobody writes", { writes: ["/request/host"] }, "writes /request/host: /request/host is read-only"],
    [
      "a credential to own",
      { writes: ["/request/headers"], ownsHeaders: ["cookie"] },
      "the header cookie cannot be owned: it is a credential, describes the body or belongs to the gateway",
    ],
    [
      "a description of the body to own (C11)",
      { writes: ["/request/headers"], ownsHeaders: ["content-type"] },
      "the header content-type cannot be owned: it is a credential, describes the body or belongs to the gateway",
    ],
    [
      "a header of the gateway to own",
      { writes: ["/request/headers"], ownsHeaders: ["x-forwarded-for"] },
      "the header x-forwarded-for cannot be owned: it is a credential, describes the body or belongs to the gateway",
    ],
  ])("refuse a manifest that asks for %s", async (_what, parts, fault) => {
    for (const text of [granted("allowlist", listed("a")), granted("dynamic")]) {
      const issues = await planIssues(text, { svc: manifest(declared("a", parts)) });
      expect(issues).toEqual([expect.stringMatching(/^\/interceptors\/0/)]);
      expect(issues[0]).toContain(`: the manifest of "a": ${fault}`);
    }
  });

  it("warn of what a service asked for and does not get", async () => {
    const asking = declared("a", {
      needs: ["/request/headers/cookie"],
      writes: ["/request/headers/x-a", "/labels/l"],
      ownsHeaders: ["x-a"],
      failClosed: true,
    });
    const text = granted("allowlist", listed("a", { writes: ["/labels/l"], failure_policy: "fail-open" }));
    expect(warningsOf(await planOf(text, { svc: manifest(asking) }))).toEqual([
      "/interceptors/0/bindings/0: svc/a asks for /request/headers/cookie, which is hidden and not exposed: it is never shown",
      "/interceptors/0/bindings/0: svc/a owns the header x-a, but is not granted to write it: what clients send there stays",
      "/interceptors/0/bindings/0: svc/a asks to be fail-closed and is fail-open",
    ]);
    const unguarded = granted("allowlist", listed("a", { expose: ["/request/headers/cookie"], failure_policy: "fail-open" }));
    expect(warningsOf(await planOf(unguarded, { svc: manifest({ ...asking, failClosed: false }) }))).toEqual([
      "/interceptors/0/bindings/0: svc/a owns the header x-a and is fail-open: until it was first described, what clients send there stays",
    ]);
    const exposed = granted("allowlist", listed("a", { expose: ["/request/headers/cookie"] }));
    expect(warningsOf(await planOf(exposed, { svc: manifest(asking) }))).toEqual([]);
  });
});
