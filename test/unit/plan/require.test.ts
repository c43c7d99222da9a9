import { describe, expect, it } from "vitest";
import {
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

interface Case {
  /** What the operator lists of the one binding. */
  readonly keys?: Record<string, unknown>;
  readonly parts?: Parameters<typeof declared>[1];
  readonly match?: Record<string, unknown>;
  readonly claim?: Record<string, unknown>;
  readonly interceptorKeys?: Record<string, unknown>;
  readonly undescribed?: boolean;
}

const textOf = ({ keys, match, claim, interceptorKeys }: Case): string =>
  configText({
    routes: [route("orders", { match: { path: "/v1/orders/**", ...match } }), route("users")],
    interceptors: [interceptor("tenancy", [listed("assign", keys)], interceptorKeys)],
    require: [{ routes: ["orders"], phase: "pre-route", interceptor: "tenancy", ...claim }],
  });

const manifestsOf = ({ parts, undescribed }: Case) =>
  undescribed === true ? {} : { tenancy: manifest(declared("assign", parts)) };

const issuesOf = (each: Case) => planIssues(textOf(each), manifestsOf(each));

/** Why the claim is not met; undefined when it is. */
const lackOf = async (each: Case): Promise<string | undefined> =>
  (await issuesOf(each)).map((issue) => issue.replace(/^\/require\/0: route orders is not covered: /, "")).join("\n") ||
  undefined;

describe("a claim is met (C31)", () => {
  it.each<readonly [string, Case]>([
    ["by an enforcing, fail-closed binding on the whole route", {}],
    ["by a validator", { keys: { mode: "validate" } }],
    ["by a binding of that id", { claim: { binding: "assign" } }],
    ["on every route, where the claim names none", { claim: { routes: undefined } }],
    [
      "by selectors that cover methods, hosts and paths",
      {
        match: { methods: ["GET", "POST"], hosts: ["api.example.org", "*.eu.example.org"] },
        keys: { match: { methods: ["GET", "POST", "PUT"], hosts: ["*.example.org"], paths: ["/v1/**"] } },
      },
    ],
    [
      "by a manifest's selectors that cover them",
      { match: { methods: ["GET"] }, parts: { selector: { methods: ["GET"], hosts: [], paths: ["/v1/orders/**"] } } },
    ],
    ["for the claimed methods only", { keys: { match: { methods: ["POST", "PUT"] } }, claim: { methods: ["POST"] } }],
    [
      "for the claimed methods the route takes",
      { match: { methods: ["GET", "POST"] }, keys: { match: { methods: ["POST"] } }, claim: { methods: ["POST", "DELETE"] } },
    ],
    [
      "where the route takes none of the claimed methods",
      { match: { methods: ["GET"] }, keys: { match: { routes: ["users"] } }, claim: { methods: ["POST"] } },
    ],
    ["for HEAD by GET", { match: { methods: ["HEAD"] }, keys: { match: { methods: ["GET"] } } }],
    [
      "for GET on a route of HEAD only",
      { match: { methods: ["HEAD"] }, keys: { match: { methods: ["HEAD"] } }, claim: { methods: ["GET"] } },
    ],
    ["by a binding that was not described yet, and keeps the route closed", { undescribed: true }],
    [
      "by whatever a dynamic interceptor may declare, which keeps every route closed",
      { undescribed: true, keys: { match: { routes: ["users"] } }, interceptorKeys: { grant: "dynamic" } },
    ],
  ])("%s", async (_what, each) => {
    expect(await issuesOf(each)).toEqual([]);
    expect(warningsOf(await planOf(textOf(each), manifestsOf(each))).filter((warning) => warning.startsWith("/require"))).toEqual(
      [],
    );
  });
});

describe("a claim is refused (C31)", () => {
  const none = "interceptor tenancy has no enforcing binding at pre-route";

  it.each<readonly [string, Case, string]>([
    ["without a binding at that phase", { claim: { phase: "pre-auth" } }, none.replace("pre-route", "pre-auth")],
    ["when the binding only observes", { keys: { mode: "observe" } }, none],
    ["when the binding is disabled", { keys: { enabled: false } }, none],
    [
      "when the binding leaves the route out",
      { keys: { match: { except_routes: ["orders"] } } },
      "assign: its selector leaves the route out",
    ],
    ["when the binding is fail-open", { keys: { failure_policy: "fail-open" } }, "assign: it is fail-open"],
    [
      "when the binding skips what it cannot be shown",
      { keys: { on_unreviewable: "skip" } },
      "assign: it skips what cannot be shown (on_unreviewable: skip)",
    ],
    [
      "when the binding is conditional",
      { keys: { match: { when: "request.method == 'POST'" } } },
      "assign: it is conditional (when)",
    ],
    [
      "when the binding selects principals",
      { keys: { match: { principals: ["ops"] } } },
      "assign: it selects principals or labels",
    ],
    [
      "when the binding selects labels",
      { keys: { match: { labels: { tier: "gold" } } } },
      "assign: it selects principals or labels",
    ],
    ["when the binding reviews only some methods", { keys: { match: { methods: ["POST"] } } }, "assign: it reviews only POST"],
    [
      "when it leaves out a method the route takes",
      { match: { methods: ["GET", "POST"] }, keys: { match: { methods: ["GET"] } } },
      "assign: it reviews only GET",
    ],
    [
      "when it reviews HEAD and not GET",
      { match: { methods: ["GET"] }, keys: { match: { methods: ["HEAD"] } } },
      "assign: it reviews only HEAD",
    ],
    [
      "when a claimed method is left out",
      { keys: { match: { methods: ["GET"] } }, claim: { methods: ["GET", "POST"] } },
      "assign: it reviews only GET",
    ],
    [
      "when the binding reviews only some hosts",
      { keys: { match: { hosts: ["api.example.org"] } } },
      "assign: it reviews only the hosts api.example.org",
    ],
    [
      "when one host of the route is left out",
      { match: { hosts: ["api.example.org", "example.org"] }, keys: { match: { hosts: ["*.example.org"] } } },
      "assign: it reviews only the hosts *.example.org",
    ],
    [
      "when a wildcard host is covered by name only",
      { match: { hosts: ["*.example.org"] }, keys: { match: { hosts: ["a.example.org"] } } },
      "assign: it reviews only the hosts a.example.org",
    ],
    [
      "when the binding reviews only some paths",
      { keys: { match: { paths: ["/v1/orders/*"] } } },
      "assign: it reviews only the paths /v1/orders/*",
    ],
    [
      "when a trailing slash would escape",
      { match: { path: "/v1/orders/" }, keys: { match: { paths: ["/v1/orders"] } } },
      "assign: it reviews only the paths /v1/orders",
    ],
    [
      "when only the manifest narrows",
      { parts: { selector: { methods: ["POST"], hosts: [], paths: [] } } },
      "assign: it reviews only POST",
    ],
    [
      "with everything a binding lacks",
      { keys: { failure_policy: "fail-open", on_unreviewable: "skip", match: { methods: ["POST"] } } },
      "assign: it is fail-open, it skips what cannot be shown (on_unreviewable: skip), it reviews only POST",
    ],
    [
      "before the interceptor was described, when its binding could never meet it: the route would be open",
      { undescribed: true, keys: { failure_policy: "fail-open" } },
      "assign: it is fail-open",
    ],
    [
      "before a dynamic interceptor that is fail-open was described",
      {
        undescribed: true,
        keys: { match: { routes: ["users"] } },
        interceptorKeys: { grant: "dynamic", failure_policy: "fail-open" },
      },
      "assign: it is fail-open, its selector leaves the route out",
    ],
  ])("%s", async (_what, each, lack) => {
    expect(await lackOf(each)).toBe(lack);
  });

  it("for each route it speaks of, at its own place", async () => {
    const issues = await issuesOf({ keys: { match: { methods: ["POST"] } }, claim: { routes: ["orders", "users"] } });
    expect(issues).toEqual(
      ["orders", "users"].map((name) => `/require/0: route ${name} is not covered: assign: it reviews only POST`),
    );
  });
});

describe("accept (C31)", () => {
  it.each([
    ["fail-open", { failure_policy: "fail-open" }, "it is fail-open"],
    ["skip", { on_unreviewable: "skip" }, "it skips what cannot be shown (on_unreviewable: skip)"],
    ["when", { match: { when: "request.method == 'POST'" } }, "it is conditional (when)"],
  ])("%s relaxes a claim by name, and the gap is shown", async (word, keys, gap) => {
    const each = { keys, claim: { accept: [word] } };
    expect(await issuesOf(each)).toEqual([]);
    const warnings = warningsOf(await planOf(textOf(each), manifestsOf(each)));
    expect(warnings).toEqual([`/require/0: route orders is covered by tenancy/assign with an accepted gap: ${gap}`]);
    const others = ["fail-open", "skip", "when"].filter((other) => other !== word);
    expect(await lackOf({ keys, claim: { accept: others } })).toBe(`assign: ${gap}`);
  });

  it("never relaxes what a selector leaves out", async () => {
    const accept = ["fail-open", "skip", "when"];
    expect(await lackOf({ keys: { match: { methods: ["POST"], when: "true" } }, claim: { accept } })).toBe(
      "assign: it reviews only POST",
    );
    expect(await lackOf({ keys: { match: { principals: ["ops"] } }, claim: { accept } })).toBe(
      "assign: it selects principals or labels",
    );
  });

  it("says nothing of a gap where another binding covers the route without one", async () => {
    const bindings = [listed("open", { failure_policy: "fail-open" }), listed("closed")];
    const text = configText({
      interceptors: [interceptor("tenancy", bindings)],
      require: [{ phase: "pre-route", interceptor: "tenancy", accept: ["fail-open"] }],
    });
    const plan = await planOf(text, { tenancy: manifest(declared("open"), declared("closed")) });
    expect(warningsOf(plan)).toEqual([]);
  });
});
