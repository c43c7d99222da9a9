import type { PatchOperation } from "@sallyport/contract/json-patch.ts";
import { describe, expect, it } from "vitest";
import { ANONYMOUS } from "../../../src/model/principal.ts";
import { exchangeOf } from "../../support/exchange.ts";
import { exchangeAfter, headers, patched, refusalOf } from "../../support/patching.ts";

const set = (path: string, value: PatchOperation extends { value: infer V } ? V : string): PatchOperation => ({
  op: "add",
  path,
  value,
});

const request = exchangeOf({
  head: {
    method: "POST",
    path: "/v1/orders",
    query: "a=1&api_key=s3cret&b=%32",
    headers: headers({
      "X-Tenant-Id": "forged",
      Authorization: "Bearer s3cret-token",
      "X-Api-Key": "key-12345",
      "X-Kept": "kept",
      "Content-Length": "2",
    }),
  },
});

describe("a verdict's patches", () => {
  it("leave the exchange itself when there are none", () => {
    const exchange = exchangeOf();
    expect(patched([], { exchange })).toEqual({ ok: true, value: { exchange, changes: [] } });
    expect(exchangeAfter([], { exchange })).toBe(exchange);
  });

  it("change nothing at all when one of them is invalid, wherever it stands", () => {
    const valid = set("/request/headers/x-tenant-id", "acme");
    const invalid = set("/request/headers/content-length", "9");
    for (const operations of [
      [valid, invalid],
      [invalid, valid],
      [valid, invalid, valid],
    ]) {
      const before = JSON.stringify([request.head.headers.toRaw(), request.head.query]);
      expect(patched(operations, { exchange: request })).toMatchObject({
        ok: false,
        error: { kind: "invalid", reason: "patch_rejected" },
      });
      expect(JSON.stringify([request.head.headers.toRaw(), request.head.query])).toBe(before);
    }
  });

  it("change nothing when a value turns out illegal after all operations could be applied", () => {
    expect(refusalOf([set("/request/headers/x-a", "fine"), set("/labels/tenant", "line\nbreak")], { exchange: request })).toBe(
      "patch_rejected a label has no control characters",
    );
  });

  it.each(["validate", "observe"] as const)("are a breach of contract from a binding granted %s", (mode) => {
    expect(patched([set("/request/headers/x-a", "1")], { plan: { mode } })).toMatchObject({
      ok: false,
      error: { kind: "invalid", reason: "contract" },
    });
  });

  it("say in the failure who sent which operation, for the log", () => {
    expect(patched([set("/request/host", "evil.example")], {})).toMatchObject({
      ok: false,
      error: { message: "tenancy/assign: patch 0 on /request/host: not-writable" },
    });
  });

  it("tell which fields they changed", () => {
    const applied = patched([set("/request/path", "/v2"), set("/labels/tenant", "acme"), set("/request/headers/x-a", "1")]);
    expect(applied.ok && applied.value.changes.map(({ kind }) => kind)).toEqual(["path", "label", "header"]);
  });
});

describe("what no grant makes writable (C10)", () => {
  const everything = { needs: ["/request"], writes: ["/request", "/labels"] };

  it.each([
    ["/request/id", "not-writable"],
    ["/request/protocol", "not-writable"],
    ["/request/scheme", "not-writable"],
    ["/request/host", "not-writable"],
    ["/principal/id", "not-writable"],
    ["/principal", "not-writable"],
    ["/tenant/id", "not-writable"],
    ["/route/name", "not-writable"],
    ["/client/address", "not-writable"],
    ["/outcome/status", "not-writable"],
    ["/request/headers/authorization", "not-writable"],
    ["/request/headers/cookie", "not-writable"],
    ["/request/headers/x-api-key", "not-writable"],
    ["/request/headers/x_api_key", "not-writable"],
    ["/request/query/api_key", "not-writable"],
    ["/request/headers/content-length", "not-writable"],
    ["/request/headers/content_length", "not-writable"],
    ["/request/headers/transfer-encoding", "not-writable"],
    ["/request/headers/content-encoding", "not-writable"],
    ["/request/headers/connection", "not-writable"],
    ["/request/headers/keep-alive", "not-writable"],
    ["/request/headers/proxy-authorization", "not-writable"],
    ["/request/headers/te", "not-writable"],
    ["/request/headers/trailer", "not-writable"],
    ["/request/headers/upgrade", "not-writable"],
    ["/request/headers/host", "not-writable"],
    ["/request/headers/x-request-id", "not-writable"],
    ["/request/headers/x-correlation-id", "not-writable"],
    ["/request/headers/traceparent", "not-writable"],
    ["/request/headers/tracestate", "not-writable"],
    ["/request/headers/forwarded", "not-writable"],
    ["/request/headers/x-forwarded-for", "not-writable"],
    ["/request/headers/x_forwarded_for", "not-writable"],
    ["/request/headers/x-real-ip", "not-writable"],
    ["/request/headers/via", "not-writable"],
    ["/request/headers/sallyport-anything", "not-writable"],
    ["/request/headers/x-http-method-override", "not-writable"],
    ["/request/headers/x-original-url", "not-writable"],
    ["/request/headers/set-cookie", "not-writable"],
    ["/request", "no-field"],
    ["/request/headers", "no-field"],
    ["/request/query", "no-field"],
    ["/labels", "no-field"],
    ["", "no-field"],
    ["/nonsense", "no-field"],
    ["/request/headers/X-Upper", "no-field"],
    ["/request/headers/:authority", "no-field"],
    ["/request/headers/__proto__", "forbidden-token"],
    ["/request/headers/__proto__/x", "forbidden-token"],
    ["/request/headers/constructor", "forbidden-token"],
    ["/labels/__proto__", "forbidden-token"],
    ["/request/body/prototype", "forbidden-token"],
    ["request/path", "bad-pointer"],
    ["/request/headers/a~2b", "bad-pointer"],
    ["/response/status", "not-writable"],
    ["/response/headers/x-a", "not-writable"],
    ["/response/body", "not-writable"],
  ])("refuses %s (%s)", (path, code) => {
    for (const operation of [set(path, "x"), { op: "replace", path, value: "x" }, { op: "remove", path }] as const) {
      expect(refusalOf([operation], { plan: everything, exchange: request })).toBe(`patch_rejected ${code}`);
    }
  });

  it("writes only below /response after the response, whatever the grant says", () => {
    const plan = {
      phase: "post-response",
      needs: ["/request", "/response"],
      writes: ["/request", "/response", "/labels"],
    } as const;
    const exchange = exchangeOf({ response: { headers: headers({ server: "u" }) } });
    for (const path of ["/request/headers/x-a", "/request/path", "/request/body", "/request/query/a", "/labels/a"]) {
      expect(refusalOf([set(path, "x")], { plan, exchange })).toBe("patch_rejected not-writable");
    }
    for (const name of ["access-control-allow-origin", "content-length", "connection", "x-request-id", "sallyport-warning"]) {
      expect(refusalOf([set(`/response/headers/${name}`, "x")], { plan, exchange })).toBe("patch_rejected not-writable");
    }
    expect(exchangeAfter([set("/response/headers/x-a", "1")], { plan, exchange }).response?.headers.toRaw()).toEqual([
      "server",
      "u",
      "x-a",
      "1",
    ]);
  });
});

describe("writes, as granted (C10)", () => {
  it("refuses what lies outside them", () => {
    const plan = { writes: ["/request/headers/x-tenant-id", "/labels/tenant", "/request/body/customer"] };
    for (const path of [
      "/request/headers/x-other",
      "/request/path",
      "/request/query/a",
      "/labels/other",
      "/request/body",
      "/request/body/total",
    ]) {
      expect(refusalOf([set(path, "x")], { plan })).toBe("patch_rejected not-writable");
    }
    expect(exchangeAfter([set("/request/headers/x-tenant-id", "acme"), set("/labels/tenant", "acme")], { plan }).labels).toEqual(
      new Map([["tenant", "acme"]]),
    );
  });

  it("refuses a header another binding owns, also under its other spelling", () => {
    const plan = { writes: ["/request/headers", "/request/headers/x_tenant_id"], foreignHeaders: ["x-tenant-id"] };
    for (const name of ["x-tenant-id", "x_tenant_id", "x-tenant_id"]) {
      expect(refusalOf([set(`/request/headers/${name}`, "acme")], { plan })).toBe("patch_rejected not-writable");
    }
    expect(refusalOf([set("/request/headers/x-tenant", "acme")], { plan })).toBe("accepted");
    expect(refusalOf([set("/request/headers/x-tenant-id", "a")], { plan: { ...plan, foreignHeaders: ["x_tenant_id"] } })).toBe(
      "patch_rejected not-writable",
    );
  });

  it("refuses a field that was exposed, although it is not hidden otherwise (C23)", () => {
    const plan = { expose: ["/request/headers/x-legacy", "/request/query/sig"] };
    expect(refusalOf([set("/request/headers/x-legacy", "1")], { plan })).toBe("patch_rejected not-writable");
    expect(refusalOf([{ op: "remove", path: "/request/query/sig" }], { plan })).toBe("patch_rejected not-writable");
    const exchange = exchangeOf({ head: { headers: headers({ "x-legacy": "1" }) } });
    expect(refusalOf([{ op: "test", path: "/request/headers/x-legacy", value: "1" }], { plan, exchange })).toBe(
      "patch_rejected not-shown",
    );
  });
});

describe("from and test (C10)", () => {
  const copy = (from: string): PatchOperation => ({ op: "copy", from, path: "/request/headers/x-copy" });

  it.each([
    ["a hidden header", "/request/headers/authorization"],
    ["a credential slot", "/request/headers/x-api-key"],
    ["a hidden query name", "/request/query/api_key"],
    ["a field outside the needs", "/labels/tenant"],
    ["a read-only field outside the needs", "/principal/id"],
  ])("refuse %s", (_what, from) => {
    for (const operation of [
      copy(from),
      { op: "move", from, path: "/labels/stolen" },
      { op: "test", path: from, value: "x" },
    ] as const) {
      expect(refusalOf([operation], { exchange: request })).toBe("patch_rejected not-shown");
    }
  });

  it("refuse what only expose lifted, so that a test is no oracle and a copy no leak (C23)", () => {
    const plan = {
      needs: ["/request/headers/authorization"],
      expose: ["/request/headers/authorization"],
      writes: ["/request/headers"],
    };
    expect(refusalOf([copy("/request/headers/authorization")], { plan, exchange: request })).toBe("patch_rejected not-shown");
    expect(
      refusalOf([{ op: "test", path: "/request/headers/authorization", value: "Bearer s3cret-token" }], {
        plan,
        exchange: request,
      }),
    ).toBe("patch_rejected not-shown");
  });

  it("take what was shown: headers, query values, labels, and what nobody may write", () => {
    const principal = {
      ...ANONYMOUS,
      id: "alice",
      anonymous: false,
      tenants: ["acme", "beta"],
      claimsJson: '{"plan":{"tier":1.0}}',
    };
    const exchange = { ...request, principal, labels: new Map([["tenant", "acme"]]) };
    const plan = { needs: ["/request", "/principal", "/route", "/client", "/tenant", "/labels"] };
    const tests: readonly (readonly [path: string, value: string | number | null])[] = [
      ["/request/headers/x-kept", "kept"],
      ["/request/query/b/0", "2"],
      ["/request/method", "POST"],
      ["/labels/tenant", "acme"],
      ["/principal/id", "alice"],
      ["/principal/tenants/1", "beta"],
      ["/principal/claims/plan/tier", 1],
      ["/route/name", "orders"],
      ["/route/labels/tier", "gold"],
      ["/client/address", "192.0.2.1"],
      ["/tenant/id", ""],
    ];
    for (const [path, value] of tests)
      expect([path, refusalOf([{ op: "test", path, value }], { plan, exchange })]).toEqual([path, "accepted"]);
    const copied = exchangeAfter([copy("/principal/id"), { op: "copy", from: "/route/labels/tier", path: "/labels/tier" }], {
      plan,
      exchange,
    });
    expect(copied.head.headers.first("x-copy")).toBe("alice");
    expect(copied.labels.get("tier")).toBe("gold");
  });

  it.each([
    "/principal/tenants/-1",
    "/principal/tenants/01",
    "/principal/tenants/length",
    "/principal/claims/none",
    "/principal/id/0",
  ])("find nothing at %s", (path) => {
    const principal = { ...ANONYMOUS, tenants: ["acme", "acme"] };
    expect(
      refusalOf([{ op: "test", path, value: "acme" }], { plan: { needs: ["/principal"] }, exchange: { ...request, principal } }),
    ).toBe("patch_rejected missing");
  });

  it("fail the whole verdict when a test finds another value", () => {
    const operations = [
      { op: "test", path: "/request/headers/x-kept", value: "other" } as const,
      set("/request/headers/x-a", "1"),
    ];
    expect(refusalOf(operations, { exchange: request })).toBe("patch_rejected test-failed");
  });
});

describe("set-cookie (C23)", () => {
  const exchange = exchangeOf({ response: { headers: headers({ "Set-Cookie": "session=old", "X-A": "1" }) } });
  const plan = { phase: "post-response", needs: ["/response"], writes: ["/response"] } as const;
  const cookie = set("/response/headers/set-cookie/-", "theme=dark");

  it("is appended to with the power, and what was there stays as it was", () => {
    const after = exchangeAfter([cookie, set("/response/headers/set-cookie/-", "b=2")], {
      plan: { ...plan, may: ["set-cookies"] },
      exchange,
    });
    expect(after.response?.headers.toRaw()).toEqual([
      "Set-Cookie",
      "session=old",
      "X-A",
      "1",
      "set-cookie",
      "theme=dark",
      "set-cookie",
      "b=2",
    ]);
  });

  it("is not written without the power, however wide the writes are", () => {
    expect(refusalOf([cookie], { plan, exchange })).toBe("patch_rejected not-writable");
    expect(refusalOf([cookie], { plan: { ...plan, writes: ["/response/headers/set-cookie"] }, exchange })).toBe(
      "patch_rejected not-writable",
    );
  });

  it.each<PatchOperation>([
    { op: "replace", path: "/response/headers/set-cookie", value: "x=1" },
    { op: "add", path: "/response/headers/set-cookie", value: "x=1" },
    { op: "add", path: "/response/headers/set-cookie/0", value: "x=1" },
    { op: "replace", path: "/response/headers/set-cookie/-", value: "x=1" },
    { op: "remove", path: "/response/headers/set-cookie/0" },
    { op: "remove", path: "/response/headers/set-cookie" },
  ])("is never replaced or removed: $op $path", (operation) => {
    expect(refusalOf([operation], { plan: { ...plan, may: ["set-cookies"] }, exchange })).toBe("patch_rejected not-writable");
  });

  it("is never read back", () => {
    for (const operation of [
      { op: "copy", from: "/response/headers/set-cookie/0", path: "/response/headers/x-copy" },
      { op: "test", path: "/response/headers/set-cookie/0", value: "session=old" },
    ] as const) {
      expect(refusalOf([operation], { plan: { ...plan, may: ["set-cookies"] }, exchange })).toBe("patch_rejected not-shown");
    }
  });

  it("is refused before there is a response, even with the power", () => {
    for (const phase of ["pre-auth", "pre-route"] as const) {
      expect(refusalOf([cookie], { plan: { phase, may: ["set-cookies"] }, exchange: request })).toBe(
        "patch_rejected not-writable",
      );
    }
  });
});
