import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parsePathPattern } from "../../../src/config/path-pattern.ts";
import { HeaderLines } from "../../../src/model/header-lines.ts";
import { normalisePath } from "../../../src/model/request-path.ts";
import type { RouteMatchPlan, RoutePlan } from "../../../src/model/route-plan.ts";
import { routeTable } from "../../../src/plan/route-table.ts";
import type { TableRoute } from "../../../src/plan/route-trie.ts";
import { exchangeOf } from "../../support/exchange.ts";

type Match = Partial<RouteMatchPlan> & { readonly path: string; readonly listeners?: readonly string[] };

function tableRoute(name: string, { listeners = ["main"], ...match }: Match): TableRoute<string> {
  const pattern = parsePathPattern(match.path);
  if (!pattern.ok) throw new Error(`${match.path}: ${pattern.error}`);
  const plan: RoutePlan = {
    name,
    listeners,
    match: { hosts: [], methods: [], headers: {}, query: {}, labels: {}, ...match },
    authenticate: ["anonymous"],
    upstream: "u",
    labels: {},
    maxBodyBytes: 0,
    reviewBudgetMs: 2000,
    streaming: "auto",
    websocket: { idleMs: 300_000, maxMessageBytes: 16 * 1024 * 1024 },
    warnings: false,
    transcode: undefined,
    errorFormat: "problem",
    upstreamErrors: { client: "verbatim", server: "opaque" },
    cors: undefined,
    bindings: [],
    guardedBy: [],
  };
  return { plan, pattern: pattern.value, route: name };
}

interface Asked {
  readonly path?: string;
  readonly host?: string;
  readonly method?: string;
  readonly query?: string | undefined;
  readonly headers?: readonly (readonly [string, string])[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly listener?: string;
}

const headOf = ({ path = "/", host = "example.org", method = "GET", query, headers = [] }: Asked) =>
  exchangeOf({ head: { path, host, method, query, headers: HeaderLines.of(...headers) } }).head;

/** The name of the route, `none`, or the methods that would have been accepted. */
function lead(routes: Readonly<Record<string, Match>>, asked: Asked): string {
  const entries = Object.entries(routes).map(([name, match]) => tableRoute(name, match));
  const answers = [entries, entries.toReversed()].map((order) => {
    const found = routeTable(order)(asked.listener ?? "main", headOf(asked), new Map(Object.entries(asked.labels ?? {})));
    if (found.kind === "matched") return found.route;
    return found.kind === "no-route" ? "none" : `405 ${found.allow.join(" ")}`;
  });
  // file order never matters
  expect(new Set(answers).size).toBe(1);
  return answers[0] ?? "";
}

describe("precedence", () => {
  it.each<{ what: string; routes: Record<string, Match>; cases: readonly (readonly [Asked, string])[] }>([
    {
      what: "an exact host goes before *.host, which goes before none, whatever their paths",
      routes: {
        any: { path: "/a/b" },
        wild: { path: "/a/*", hosts: ["*.example.org"] },
        longer: { path: "/**", hosts: ["*.eu.example.org"] },
        exact: { path: "/**", hosts: ["api.example.org"] },
      },
      cases: [
        [{ host: "api.example.org", path: "/a/b" }, "exact"],
        [{ host: "api.example.org:8443", path: "/a/b" }, "exact"],
        [{ host: "www.example.org", path: "/a/b" }, "wild"],
        [{ host: "www.eu.example.org", path: "/a/b" }, "longer"],
        [{ host: "example.org", path: "/a/b" }, "any"],
        [{ host: "evilexample.org", path: "/a/b" }, "any"],
        [{ host: "www.example.org", path: "/x" }, "none"],
      ],
    },
    {
      what: "segment by segment, a literal goes before *, which goes before **",
      routes: {
        literal: { path: "/a/b" },
        star: { path: "/a/*" },
        glob: { path: "/a/**" },
        all: { path: "/**" },
        early: { path: "/*/b/c" },
        late: { path: "/a/*/c" },
        bare: { path: "/c" },
        below: { path: "/c/**" },
      },
      cases: [
        [{ path: "/a/b" }, "literal"],
        [{ path: "/a/x" }, "star"],
        [{ path: "/a/x/y" }, "glob"],
        [{ path: "/a" }, "glob"],
        [{ path: "/c" }, "bare"],
        [{ path: "/c/" }, "below"],
        [{ path: "/a/" }, "glob"],
        [{ path: "/x" }, "all"],
        [{ path: "/" }, "all"],
        // the first segment decides
        [{ path: "/a/b/c" }, "late"],
        [{ path: "/x/b/c" }, "early"],
      ],
    },
    {
      what: "a walk that ends nowhere goes back to the next less specific segment",
      routes: { deep: { path: "/a/b/c/d" }, star: { path: "/a/*/c/e" }, glob: { path: "/a/b/**" } },
      cases: [
        [{ path: "/a/b/c/d" }, "deep"],
        // the literal b comes first, and /a/b/** matches there
        [{ path: "/a/b/c/e" }, "glob"],
        [{ path: "/a/x/c/e" }, "star"],
        [{ path: "/a/x/c/d" }, "none"],
      ],
    },
    {
      what: "more conditions go before fewer, and conditions before listed methods",
      routes: {
        plain: { path: "/a" },
        methods: { path: "/a", methods: ["GET", "POST"] },
        header: { path: "/a", headers: { "x-tier": "gold" } },
        both: { path: "/a", headers: { "x-tier": "gold" }, query: { v: "2" } },
        label: { path: "/a", labels: { tier: "gold" } },
      },
      cases: [
        [{ path: "/a" }, "methods"],
        [{ path: "/a", method: "PUT" }, "plain"],
        [{ path: "/a", headers: [["x-tier", "gold"]] }, "header"],
        [{ path: "/a", headers: [["X-Tier", "gold"]], query: "v=2" }, "both"],
        [{ path: "/a", headers: [["x-tier", "silver"]], query: "v=2" }, "methods"],
        [{ path: "/a", labels: { tier: "gold" } }, "label"],
      ],
    },
    {
      what: "a more specific path whose conditions fail makes way for a less specific one",
      routes: {
        gold: { path: "/a/b", headers: { "x-tier": "gold" } },
        post: { path: "/a/b", methods: ["POST"] },
        all: { path: "/a/**" },
      },
      cases: [
        [{ path: "/a/b" }, "all"],
        [{ path: "/a/b", method: "POST" }, "post"],
        [{ path: "/a/b", method: "POST", headers: [["x-tier", "gold"]] }, "gold"],
      ],
    },
  ])("$what", ({ routes, cases }) => {
    for (const [asked, expected] of cases) expect([asked, lead(routes, asked)]).toEqual([asked, expected]);
  });
});

describe("paths", () => {
  it.each([
    ["/", ["/"], ["/a", "/a/"]],
    ["/a", ["/a"], ["/", "/a/", "/A", "/ab"]],
    ["/a/", ["/a/"], ["/a", "/a/b"]],
    ["/a/*", ["/a/b", "/a/-"], ["/a", "/a/", "/a/b/", "/a/b/c"]],
    ["/a/:id/c", ["/a/b/c"], ["/a//c", "/a/c"]],
    ["/a/**", ["/a", "/a/", "/a/b", "/a/b/c/"], ["/", "/ab"]],
    ["/**", ["/", "/a", "/a/b/"], []],
  ])("%s matches %j and not %j", (pattern, yes, no) => {
    for (const path of yes) expect([path, lead({ it: { path: pattern } }, { path })]).toEqual([path, "it"]);
    for (const path of no) expect([path, lead({ it: { path: pattern } }, { path })]).toEqual([path, "none"]);
  });

  it("are matched alike however they escape what need not be escaped, so that no route is escaped by spelling", () => {
    const routes = { strict: { path: "/v1/models:generate" }, brackets: { path: "/v1/a%5B0%5D" }, lax: { path: "/v1/*" } };
    for (const sent of ["/v1/models:generate", "/v1/models%3Agenerate", "/v1/models%3agenerate", "/v1/%6dodels:generate"]) {
      const normal = normalisePath(sent);
      expect([sent, lead(routes, { path: normal.ok ? normal.value : "refused" })]).toEqual([sent, "strict"]);
    }
    for (const sent of ["/v1/a[0]", "/v1/a%5B0%5D", "/v1/a%5b0]"]) {
      const normal = normalisePath(sent);
      expect([sent, lead(routes, { path: normal.ok ? normal.value : "refused" })]).toEqual([sent, "brackets"]);
    }
    // an escaped percent sign is one: not decoded twice
    expect(lead(routes, { path: "/v1/models%253Agenerate" })).toBe("lax");
    expect(lead({ escaped: { path: "/a/%3Aid" }, capture: { path: "/a/:id" } }, { path: "/a/:id" })).toBe("escaped");
  });
});

describe("methods", () => {
  it.each([
    [["GET"], "HEAD", "it"],
    [["HEAD"], "HEAD", "it"],
    [["HEAD"], "GET", "405 HEAD"],
    [["GET", "POST"], "PUT", "405 GET HEAD POST"],
    [["POST"], "HEAD", "405 POST"],
    [["POST"], "OPTIONS", "405 POST"],
    [[], "PURGE", "it"],
    [["GET"], "get", "405 GET HEAD"],
  ])("%j and a %s lead to %s (C26)", (methods, method, expected) => {
    expect(lead({ it: { path: "/a", methods } }, { path: "/a", method })).toBe(expected);
  });

  it("are all told of every route that only the method keeps from matching (C1)", () => {
    const routes = {
      get: { path: "/a", methods: ["GET"] },
      glob: { path: "/**", methods: ["DELETE"] },
      host: { path: "/a", hosts: ["example.org"], methods: ["PATCH"] },
      other: { path: "/b", methods: ["PUT"] },
      unmet: { path: "/a", headers: { "x-a": "1" }, methods: ["POST"] },
    };
    expect(lead(routes, { path: "/a", method: "OPTIONS" })).toBe("405 DELETE GET HEAD PATCH");
    expect(lead(routes, { path: "/a", method: "OPTIONS", host: "other.example" })).toBe("405 DELETE GET HEAD");
    expect(lead(routes, { path: "/c", method: "OPTIONS" })).toBe("405 DELETE");
  });
});

describe("conditions", () => {
  it("hold for exactly the value, of a header that stands once and a parameter that stands once", () => {
    const routes = { header: { path: "/h", headers: { "x-a": "1" } }, query: { path: "/q", query: { "a b": "1 2" } } };
    expect(lead(routes, { path: "/h", headers: [["x-a", "1"]] })).toBe("header");
    for (const headers of [
      [["x-a", "10"]],
      [["x-b", "1"]],
      [
        ["x-a", "1"],
        ["x-a", "1"],
      ],
      [],
    ] as const) {
      expect(lead(routes, { path: "/h", headers })).toBe("none");
    }
    expect(lead(routes, { path: "/q", query: "x=1&a+b=1%202" })).toBe("query");
    for (const query of ["a+b=1", "a%20b=1+2&a+b=1+2", "A+b=1+2", "", undefined])
      expect(lead(routes, { path: "/q", query })).toBe("none");
  });

  it("on a label do not hold before an interceptor wrote it", () => {
    const routes = { gold: { path: "/**", labels: { tier: "gold" } } };
    expect(lead(routes, { path: "/a" })).toBe("none");
    expect(lead(routes, { path: "/a", labels: { tier: "silver" } })).toBe("none");
    expect(lead(routes, { path: "/a", labels: { tier: "gold" } })).toBe("gold");
  });
});

describe("listeners and hosts", () => {
  it("see only their own routes", () => {
    const routes = { inner: { path: "/**", listeners: ["internal"] }, both: { path: "/both", listeners: ["internal", "main"] } };
    expect(lead(routes, { path: "/x" })).toBe("none");
    expect(lead(routes, { path: "/x", listener: "internal" })).toBe("inner");
    expect(lead(routes, { path: "/both" })).toBe("both");
    expect(lead(routes, { path: "/both", listener: "unknown" })).toBe("none");
  });

  it("are compared without the port, addresses included", () => {
    const routes = { v6: { path: "/**", hosts: ["[::1]"] }, v4: { path: "/**", hosts: ["127.0.0.1"] } };
    expect(lead(routes, { host: "[::1]:8080" })).toBe("v6");
    expect(lead(routes, { host: "127.0.0.1:80" })).toBe("v4");
    expect(lead(routes, { host: "[::2]:8080" })).toBe("none");
  });
});

const segment = fc.constantFrom("a", "b", "c");
const patternText = fc
  .tuple(fc.array(fc.oneof(segment, fc.constantFrom("*", ":x")), { maxLength: 4 }), fc.constantFrom("", "/", "/**"))
  .map(([segments, end]) =>
    `/${segments.map((each, index) => (each === ":x" ? `:x${index}` : each)).join("/")}${end}`.replace("//", "/"),
  );
const hostText = fc.constantFrom("h.org", "x.h.org", "*.h.org", "*.x.h.org");
const match: fc.Arbitrary<Match> = fc.record({
  path: patternText,
  hosts: fc.uniqueArray(hostText, { maxLength: 2 }),
  methods: fc.uniqueArray(fc.constantFrom("GET", "HEAD", "POST"), { maxLength: 2 }),
  headers: fc.constantFrom<Record<string, string>>({}, {}, { "x-a": "1" }),
  query: fc.constantFrom<Record<string, string>>({}, {}, { v: "2" }),
  labels: fc.constantFrom<Record<string, string>>({}, {}, { l: "3" }),
});
const asked = fc.record({
  path: fc
    .tuple(fc.array(segment, { maxLength: 5 }), fc.boolean())
    .map(([segments, slash]) => `/${segments.join("/")}${slash ? "/" : ""}`.replace("//", "/")),
  host: fc.constantFrom("h.org", "x.h.org", "y.x.h.org:8080", "other"),
  method: fc.constantFrom("GET", "HEAD", "POST", "PUT"),
  query: fc.constantFrom("v=2", "v=1", undefined),
  headers: fc.constantFrom<readonly (readonly [string, string])[]>([], [["x-a", "1"]]),
  labels: fc.constantFrom<Record<string, string>>({}, { l: "3" }),
});

/** What a route asks, as regular expressions and comparisons: slow, obvious, and written apart from the table. */
const reference = {
  path: ({ path }: Match, sent: string): boolean => {
    const source = path.replaceAll(/\/:[^/]+|\/\*(?!\*)/g, "/[^/]+").replace(/\/\*\*$/, "(/.*)?");
    return new RegExp(`^${source}$`).test(sent);
  },
  host: (pattern: string, host: string): boolean => {
    const bare = host.split(":")[0] ?? "";
    return pattern.startsWith("*") ? bare.endsWith(pattern.slice(1)) : bare === pattern;
  },
  conditions: ({ headers = {}, query = {}, labels = {} }: Match, by: Asked): boolean =>
    Object.entries(headers).every(([name, value]) => by.headers?.some(([sent, is]) => sent === name && is === value)) &&
    Object.entries(query).every(([name, value]) => by.query === `${name}=${value}`) &&
    Object.entries(labels).every(([name, value]) => by.labels?.[name] === value),
  method: ({ methods = [] }: Match, method: string): boolean =>
    methods.length === 0 || methods.includes(method === "HEAD" && !methods.includes("HEAD") ? "GET" : method),
  /** Larger goes first; compared from left to right. */
  rank: ({ path, headers = {}, query = {}, labels = {}, methods = [] }: Match, host: string | undefined): readonly number[] => [
    host === undefined ? 0 : host.startsWith("*") ? host.length : 1000,
    ...Array.from({ length: 6 }, (_, index) => {
      const text = path.slice(1).split("/")[index];
      return text === undefined ? 1 : text === "**" ? 0 : text.startsWith("*") || text.startsWith(":") ? 1 : 2;
    }),
    ...[headers, query, labels].reduce<number[]>(([sum = 0], each) => [sum + Object.keys(each).length], [0]),
    methods.length === 0 ? 0 : 1,
  ],
};

const byRank = (a: readonly number[], b: readonly number[]): number =>
  a.map((value, index) => (b[index] ?? 0) - value).find((difference) => difference !== 0) ?? 0;

/** All routes that share the highest rank among those that match: two of them would be a tie, which is refused at load. */
function referenceWinners(
  routes: readonly Match[],
  by: Required<Pick<Asked, "path" | "host" | "method">> & Asked,
): readonly number[] {
  const fitting = routes.flatMap((each, index) => {
    const hosts = each.hosts?.length ? each.hosts.filter((pattern) => reference.host(pattern, by.host)) : [undefined];
    const fits =
      hosts.length > 0 && reference.path(each, by.path) && reference.conditions(each, by) && reference.method(each, by.method);
    return fits ? hosts.map((host) => ({ index, rank: reference.rank(each, host) })) : [];
  });
  const sorted = fitting.toSorted((a, b) => byRank(a.rank, b.rank));
  return sorted.filter(({ rank }) => byRank(rank, sorted[0]?.rank ?? []) === 0).map(({ index }) => index);
}

describe("the table", () => {
  it("asks once for a value that ten thousand routes differ in", () => {
    const routes = Array.from({ length: 10_000 }, (_, at) =>
      tableRoute(`r${at}`, { path: "/**", headers: { "x-tenant": "acme" }, labels: { shard: String(at) } }),
    );
    const table = routeTable(routes);
    const asked: string[] = [];
    const labels = new (class extends Map<string, string> {
      override get(name: string): string | undefined {
        asked.push(name);
        return super.get(name);
      }
    })([["shard", "9999"]]);
    const found = table("main", headOf({ headers: [["x-tenant", "acme"]] }), labels);
    expect([found, asked]).toEqual([{ kind: "matched", route: "r9999" }, ["shard"]]);
  });

  it("agrees with a naive matcher over random routes and requests", () => {
    let matched = 0;
    fc.assert(
      fc.property(fc.array(match, { minLength: 1, maxLength: 8 }), asked, (routes, by) => {
        const winners = referenceWinners(routes, by);
        const table = routeTable(routes.map((each, index) => tableRoute(String(index), each)));
        const found = table("main", headOf(by), new Map(Object.entries(by.labels)));
        if (winners.length === 0) expect(found.kind).not.toBe("matched");
        else {
          matched += 1;
          expect(winners.map(String)).toContain(found.kind === "matched" ? found.route : found.kind);
        }
      }),
      { numRuns: 4000 },
    );
    expect(matched).toBeGreaterThan(400);
  });

  it("says 405 exactly when some route would match with another method", () => {
    fc.assert(
      fc.property(fc.array(match, { minLength: 1, maxLength: 8 }), asked, (routes, by) => {
        const found = routeTable(routes.map((each, index) => tableRoute(String(index), each)))(
          "main",
          headOf(by),
          new Map(Object.entries(by.labels)),
        );
        if (found.kind === "matched") return;
        const others = ["GET", "HEAD", "POST"].filter((method) => referenceWinners(routes, { ...by, method }).length > 0);
        expect(found.kind === "no-route" ? [] : found.allow).toEqual(others.toSorted());
      }),
      { numRuns: 2000 },
    );
  });
});
