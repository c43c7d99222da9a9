import { describe, expect, it } from "vitest";
import { compilePredicate } from "../../../src/expressions/compile-predicate.ts";
import type { PredicateFacts } from "../../../src/expressions/facts.ts";
import { HeaderLines } from "../../../src/model/header-lines.ts";
import { parseJson } from "../../../src/model/json.ts";
import type { Phase } from "../../../src/model/phase.ts";
import { exchangeOf } from "../../support/exchange.ts";

const HIDDEN = { headers: new Set(["authorization", "cookie"]), query: new Set(["token"]) };

function json(text: string) {
  const parsed = parseJson(text);
  if (!parsed.ok) throw new Error(text);
  return { format: "json", value: parsed.value } as const;
}

const FACTS: PredicateFacts = {
  exchange: exchangeOf({
    head: {
      method: "POST",
      host: "shop.example.org",
      path: "/orders/17",
      query: "a=1&a=2&b=x%20y&token=secret",
      headers: HeaderLines.of(
        ["X-Tenant", "blue"],
        ["accept", "a/b"],
        ["accept", "c/d"],
        ["Authorization", "Bearer s3cret"],
        ["x-empty", ""],
      ),
    },
    response: { status: 503, headers: HeaderLines.of(["set-cookie", "sid=1"], ["content-type", "application/json"]) },
    labels: new Map([["tier", "gold"]]),
    principal: {
      id: "ann",
      anonymous: false,
      type: "api-key",
      tenants: ["blue"],
      scopes: ["orders:read"],
      roles: [],
      claimsJson: '{"level":3,"name":"Ann"}',
    },
  }),
  route: { name: "orders", labels: { team: "shop" } },
  requestBody: json(
    '{"items":[{"sku":"a","n":1},{"sku":"b","n":12345678901234567890}],"big":9007199254740993,"half":0.5,"note":null,"__proto__":"x"}',
  ),
  responseBody: { format: "text", text: "down" },
};

function evaluate(source: string, facts: PredicateFacts = FACTS, phase: Phase = "post-response") {
  const compiled = compilePredicate(source, { phase, hidden: HIDDEN });
  if (!compiled.ok) throw new Error(`${source}: ${compiled.error.message}`);
  return compiled.value.evaluate(facts);
}

function problem(source: string, phase: Phase = "post-response") {
  const compiled = compilePredicate(source, { phase, hidden: HIDDEN });
  return compiled.ok ? "compiles" : `${compiled.error.line}:${compiled.error.column} ${compiled.error.message}`;
}

describe("a condition", () => {
  it.each([
    'request.method == "POST"',
    'request.host.endsWith(".example.org") && request.path.startsWith("/orders/")',
    'request["method"] in ["PUT", "POST"]',
    'request.headers["x-tenant"] == "blue"',
    'request.headers.accept == "a/b, c/d"',
    'request.query["a"] == ["1", "2"] && request.query.b[0] == "x y"',
    'labels.tier == "gold" && route.name == "orders" && route.labels["team"] == "shop"',
    'principal.id == "ann" && "blue" in principal.tenants && !principal.anonymous',
    "principal.claims.level == 3 && has(principal.claims.name)",
    'tenant.id == "" && client.address == "192.0.2.1"',
    "response.status >= 500 && response.status < 600",
    'response.headers["content-type"].matches("^application/([a-z]+\\\\+)?json$")',
    'response.body == "down"',
    'request.body.items.exists(item, item.sku == "b")',
    "request.body.items.all(item, item.n > 0)",
    "request.body.items.exists_one(item, item.n == 1)",
    'request.body.items.map(item, item.sku) == ["a", "b"]',
    "request.body.items.filter(item, item.n == 1).size() == 1",
    "request.body.big == 9007199254740993 && request.body.big != 9007199254740992",
    "request.body.half == 0.5 && request.body.half < 1",
    "request.body.note == null",
    'request.body["__proto__"] == "x" && has(request.body.items) && !has(request.body.missing)',
    "size(request.body.items) == 2 && size(request.path) == 10",
    '"X-Tenant".lowerAscii() in request.headers',
    'request.headers.exists(name, name == "x-tenant")',
    '{"a": 1}.a == 1 && {"a": [1]} == {"a": [1]}',
    '(request.method == "GET" ? 1 : 2) == 2',
    "10 - (3 - 1) == 8 && 7 / 2 == 3 && -7 % 3 == -1",
    'int("12") + 1 == 13 && string(5) == "5" && double(2) == 2.0 && bool("true")',
    '"a,b".split(",").join("-") == "a-b" && "abc".substring(1) == "bc" && " x ".trim() == "x"',
  ])("holds: %s", (source) => {
    expect(evaluate(source)).toBe("match");
    expect(evaluate(`!(${source})`)).toBe("no-match");
  });

  it.each([
    'request.headers["x-missing"] == ""',
    'request.headers["x-missing"].startsWith("") && !("x-missing" in request.headers) && !has(request.headers.missing)',
    '"x-empty" in request.headers && request.headers["x-empty"] == ""',
    'request.query["missing"] == [] && request.query.missing.size() == 0 && !("missing" in request.query)',
    'labels["missing"] == "" && labels.missing == "" && !has(labels.missing) && route.labels["missing"] == ""',
  ])("reads what is absent as empty: %s (C22)", (source) => {
    expect(evaluate(source)).toBe("match");
  });

  it("never has a null principal or tenant (C22)", () => {
    const facts = {
      ...FACTS,
      exchange: {
        ...FACTS.exchange,
        principal: { ...FACTS.exchange.principal, id: "", anonymous: true, tenants: [], claimsJson: "" },
      },
    };
    expect(
      evaluate('principal.anonymous && principal.id == "" && principal.tenants == [] && size(principal.claims) == 0', facts),
    ).toBe("match");
  });

  it("reads a hidden name that is computed as absent (C22, C23)", () => {
    expect(evaluate('request.headers["authori" + "zation"] == "" && request.query["to" + "ken"] == []')).toBe("match");
    expect(evaluate('request.headers.exists(name, name == "authori" + "zation")')).toBe("no-match");
    expect(evaluate('request.query.exists(name, request.query[name] == ["secret"])')).toBe("no-match");
    expect(evaluate('response.headers["set-" + "cookie"] == "" && size(response.headers) == 1')).toBe("match");
  });

  it("reads an absent body as null, and says which bodies it reads", () => {
    const compiled = compilePredicate('request.body == null || response.body == "x"', { phase: "post-response", hidden: HIDDEN });
    expect(compiled.ok && compiled.value.needsBody).toEqual({ request: true, response: true });
    expect(compiled.ok && compiled.value.evaluate({ ...FACTS, requestBody: undefined })).toBe("match");
    const headOnly = compilePredicate('request.method == "GET"', { phase: "pre-auth", hidden: HIDDEN });
    expect(headOnly.ok && headOnly.value.needsBody).toEqual({ request: false, response: false });
  });

  it.each([
    "request.body.missing == 1",
    "request.body.items[7].n == 1",
    "request.body.items.x == 1",
    "request.body.half + 1 == 1",
    "request.body.note.x == 1",
    "request.body.items > 1",
    "1 / (request.body.items.size() - 2) == 1",
    "9223372036854775807 + request.body.items.size() > 0",
    "int(request.path) == 1",
    "request.body.items.all(item, item.sku.missing)",
    'request.body.constructor == "x" || request.body.toString == "x"',
    "request.body.items.length == 2",
  ])("answers error, which counts as a match: %s (C22)", (source) => {
    expect(evaluate(source)).toBe("error");
  });

  it("lets one side settle a logical operator whatever is wrong with the other", () => {
    expect(evaluate('request.body.missing == 1 || request.method == "POST"')).toBe("match");
    expect(evaluate('request.body.missing == 1 && request.method == "GET"')).toBe("no-match");
    expect(evaluate("request.body.items.exists(item, item.n == 1 || item.missing)")).toBe("match");
  });

  it("stays linear in the text whatever the pattern", () => {
    const facts = { ...FACTS, requestBody: { format: "text", text: `${"a".repeat(100_000)}!` } } as const;
    const startedMs = performance.now();
    expect(evaluate('request.body.matches("^(a+)+$")', facts)).toBe("no-match");
    expect(performance.now() - startedMs).toBeLessThan(1000);
  });

  it("gives up on too much work instead of holding the process", () => {
    const list = json(`{"list":[${Array.from({ length: 50_000 }, (_, index) => index).join(",")}]}`);
    const facts = { ...FACTS, requestBody: list };
    const startedMs = performance.now();
    for (const source of [
      "request.body.list.all(a, request.body.list.exists(b, a == b))",
      "request.body.list.all(a, a in request.body.list)",
      "request.body.list.all(a, request.body.list == request.body.list.map(b, b))",
      "request.body.list.exists(a, a.missing)",
    ]) {
      expect(evaluate(source, facts)).toBe("error");
    }
    expect(performance.now() - startedMs).toBeLessThan(2000);
  });
});

describe("what does not compile", () => {
  it.each([
    ['request.method = "GET"', "1:16 Unexpected character: ="],
    ["request.method ==\n  request.methods", "2:11 No such key: methods"],
    ['request.methods == "GET"', "1:9 No such key: methods"],
    ["request.method == 5", "1:1 no such overload: string == int"],
    ["requests.method", "1:1 Unknown variable: requests"],
    ['response.status == "200"', "1:1 no such overload: int == string"],
    ["request.method", "1:9 a condition answers true or false, this one a value of type string"],
    ["request.body.flag", "1:14 a condition answers true or false, this one anything; compare it with == true"],
    ["[request].exists(it, true)", "1:2 request has fields; name one of them"],
    ['request.headers["Authorization"] == ""', '1:17 header names are in lower case: "authorization"'],
    ['request.headers["authorization"] == ""', "1:17 the header authorization is hidden: it may carry a credential"],
    ["has(request.headers.cookie)", "1:21 the header cookie is hidden: it may carry a credential"],
    ['"cookie" in request.headers', "1:1 the header cookie is hidden: it may carry a credential"],
    ['response.headers["set-cookie"] != ""', "1:18 the header set-cookie is hidden: it may carry a credential"],
    ["request.query.token == []", "1:15 the query name token is hidden: it may carry a credential"],
    ["request.path.matches(request.method)", "1:30 the pattern of matches() is a literal string"],
    [
      'request.path.matches("(?=x)")',
      "1:22 the pattern of matches() cannot be used: error parsing regexp: invalid or unsupported Perl syntax: `(?=`",
    ],
    [
      'timestamp("2026-01-01T00:00:00Z") == timestamp("2026-01-01T00:00:00Z")',
      "1:1 the function timestamp is not available in conditions",
    ],
    ["type(1) == int", "1:1 the function type is not available in conditions"],
    ["1u == 1u", "1:1 unsigned numbers are not available; leave the u away"],
    ["[1].all(a, [1].all(b, [1].all(c, true)))", "1:23 loops are nested at most 2 deep"],
    [`${"(".repeat(80)}true${")".repeat(80)}`, "1:65 Exceeded maxDepth (64)"],
    [Array.from({ length: 900 }, () => "true").join("&&"), "1:4097 an expression has at most 4096 characters"],
    ["", "1:1 Unexpected token: EOF"],
  ])("refuses %s with its place", (source, expected) => {
    expect(problem(source)).toBe(expected);
  });

  it("refuses what the phase does not have (C22)", () => {
    expect(problem('principal.id == ""', "pre-auth")).toBe("1:1 there is no principal at pre-auth: nobody is authenticated yet");
    expect(problem('true || tenant.id == ""', "pre-auth")).toBe(
      "1:9 there is no tenant at pre-auth: nobody is authenticated yet",
    );
    expect(problem("response.status == 200", "pre-route")).toBe("1:1 there is no response at pre-route, only at post-response");
    expect(problem('principal.id == "" && tenant.id == ""', "pre-route")).toBe("compiles");
  });
});
