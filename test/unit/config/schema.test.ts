import { describe, expect, it } from "vitest";
import { interceptor, issuesOf, minimal } from "../../support/config-text.ts";

/** What stands behind the position in the only issue of a file. */
async function onlyIssue(text: string): Promise<string> {
  const issues = await issuesOf(text);
  expect(issues).toHaveLength(1);
  return (issues[0] ?? "").replace(/^gateway\.yaml:\d+:\d+: /, "");
}

describe("a value of the wrong kind or out of bounds", () => {
  it.each([
    ["drain: 30", "/drain: expected a duration such as 500ms, 30s or 10m, found the number 30"],
    ["drain: soon", '/drain: expected a duration such as 500ms, 30s or 10m, found "soon"'],
    ["drain: 2h", '/drain: expected a duration between 0ms and 1h, found "2h"'],
    ["review_budget: 61s", '/review_budget: expected a duration between 10ms and 1m, found "61s"'],
    ["review_budget: 9ms", '/review_budget: expected a duration between 10ms and 1m, found "9ms"'],
    ["log: { level: inof }", '/log/level: expected one of debug, info, warn, error, found "inof" (did you mean info?)'],
    ["log: loud", '/log: expected a mapping, found "loud"'],
    ["log:", "/log: expected a mapping, found nothing"],
    ["admin: { address: 9080 }", "/admin/address: expected an address such as 127.0.0.1:8080, found the number 9080"],
    ["admin: { address: ':9080' }", '/admin/address: expected an address such as 127.0.0.1:8080 or [::]:8080, found ":9080"'],
    [
      "admin: { address: '1.2.3.400:80' }",
      '/admin/address: expected an address such as 127.0.0.1:8080 or [::]:8080, found "1.2.3.400:80"',
    ],
    [
      "trusted_proxies: { cidrs: [10.0.0.0/33] }",
      '/trusted_proxies/cidrs/0: expected an address range such as 10.0.0.0/8 or 2001:db8::/32, found "10.0.0.0/33"',
    ],
    ["trusted_proxies: { cidrs: 10.0.0.0/8 }", '/trusted_proxies/cidrs: expected a list, found "10.0.0.0/8"'],
    ["secrets: { headers: ['a b'] }", '/secrets/headers/0: expected a header name, found "a b"'],
    [
      "defaults: { upstream: { max_requests: 0 } }",
      "/defaults/upstream/max_requests: expected a whole number from 1 to 1000000, found the number 0",
    ],
    [
      "defaults: { upstream: { max_requests: 1.5 } }",
      "/defaults/upstream/max_requests: expected a whole number from 1 to 1000000, found the number 1.5",
    ],
    ["defaults: { route: { warnings: yes } }", '/defaults/route/warnings: expected true or false, found "yes"'],
    [
      "defaults: { route: { max_body_bytes: 10MB } }",
      '/defaults/route/max_body_bytes: expected a size such as 64KiB or 10MiB, found "10MB"',
    ],
    ["defaults: { route: { name: x } }", '/defaults/route/name: unknown key "name"'],
  ])("says what was expected and found: %s", async (more, message) => {
    expect(await onlyIssue(minimal(more))).toBe(message);
  });

  it.each([
    ["timeout: 9ms", '/interceptors/0/timeout: expected a duration between 10ms and 30s, found "9ms"'],
    ["timeout: 31s", '/interceptors/0/timeout: expected a duration between 10ms and 30s, found "31s"'],
    ["max_patches: 1025", "/interceptors/0/max_patches: expected a whole number from 0 to 1024, found the number 1025"],
    ["max_response_bytes: 1B", '/interceptors/0/max_response_bytes: expected a size between 1KiB and 64MiB, found "1B"'],
    [
      "enforcement: shadov",
      '/interceptors/0/enforcement: expected one of enforce, shadow, found "shadov" (did you mean shadow?)',
    ],
    ["compare_to: other", '/interceptors/0/compare_to: unknown key "compare_to"'],
    [
      "grant: allowlst",
      '/interceptors/0/grant: expected one of allowlist, exact, dynamic, found "allowlst" (did you mean allowlist?)',
    ],
    ["decode: [gzib]", '/interceptors/0/decode/0: expected one of gzip, br, zstd, deflate, found "gzib" (did you mean gzip?)'],
  ])("keeps an interceptor within its bounds: %s", async (own, message) => {
    expect(await onlyIssue(minimal(interceptor({ own })))).toBe(message);
  });

  it.each([
    ["compare_to: other", '/interceptors/0/bindings/0/compare_to: unknown key "compare_to"'],
    [
      "may: [assign-tenant]",
      '/interceptors/0/bindings/0/may/0: expected one of reroute, respond, set-cookies, found "assign-tenant"',
    ],
    [
      "match: { methods: [] }",
      "/interceptors/0/bindings/0/match/methods: expected at least one method: leave the key out to mean all, found an empty list",
    ],
    [
      "match: { methods: [get] }",
      '/interceptors/0/bindings/0/match/methods/0: expected a method in upper case such as GET, found "get"',
    ],
    ["match: { method: [GET] }", '/interceptors/0/bindings/0/match/method: unknown key "method" (did you mean methods?)'],
    [
      "match: { hosts: ['a.example:80'] }",
      '/interceptors/0/bindings/0/match/hosts/0: expected a host such as api.example.org or *.example.org, without a port, found "a.example:80"',
    ],
    ["config: [1]", "/interceptors/0/bindings/0/config: expected a mapping, found a list"],
    [
      "needs: [principal]",
      '/interceptors/0/bindings/0/needs/0: expected a pointer into the view such as /request/headers/x-tenant-id, found "principal"',
    ],
  ])("keeps a binding within its bounds: %s", async (binding, message) => {
    const issues = await issuesOf(minimal(interceptor({ binding })));
    expect(issues[0]?.replace(/^gateway\.yaml:\d+:\d+: /, "")).toBe(message);
  });

  it.each([
    ["grpc://127.0.0.1:9000", "expected an address such as http://127.0.0.1:9000"],
    ["http://127.0.0.1:9000/base", "expected an address without path, query and fragment"],
    ["http://127.0.0.1:0", "expected an address such as http://127.0.0.1:9000"],
    ["http://127.0.0.1:70000", "expected a port up to 65535"],
    ["http://[::1", "expected an address such as http://127.0.0.1:9000"],
  ])("refuses the upstream endpoint %s", async (endpoint, message) => {
    const text = minimal().replace("http://127.0.0.1:9000", endpoint);
    expect(await onlyIssue(text)).toBe(`/upstreams/orders/endpoints/0: ${message}, found "${endpoint}"`);
  });

  it("says which keys of an authenticator its type asks for", async () => {
    const more = "authenticators:\n  ops: { type: static-token, token_fil: x }";
    expect(await issuesOf(minimal(more))).toEqual([
      'gateway.yaml:9:8: /authenticators/ops/token_file: required key "token_file" is missing (File that holds the token)',
      'gateway.yaml:9:8: /authenticators/ops/principal: required key "principal" is missing (Who the token stands for)',
      'gateway.yaml:9:30: /authenticators/ops/token_fil: unknown key "token_fil" (did you mean token_file?)',
    ]);
  });

  it("names the types of authenticators where the type is none", async () => {
    const more = "authenticators:\n  ops: { type: api-keys, file: keys.yaml }";
    expect(await onlyIssue(minimal(more))).toBe(
      '/authenticators/ops/type: expected one of static-token, api-key, found "api-keys" (did you mean api-key?)',
    );
  });

  it("points at the key where a name is none", async () => {
    const text = minimal("authenticators:\n  'a/b': { type: static-token }");
    expect((await issuesOf(text))[0]).toBe(
      "gateway.yaml:9:3: /authenticators/a~1b: expected a name of letters, digits, dots, dashes and underscores (63 at most, a letter or digit first)",
    );
  });

  it("refuses a version it does not know", async () => {
    expect(await onlyIssue(minimal().replace("version: 1", "version: 2"))).toBe("/version: expected 1, found the number 2");
  });

  it.each(["state: { driver: memory }", "telemetry: {}", "tenancy: { from: [] }"])(
    "does not know what nobody has built yet: %s",
    async (more) => {
      expect(await onlyIssue(minimal(more))).toMatch(/^\/\w+: unknown key/);
    },
  );

  it("asks for everything an empty file lacks", async () => {
    expect(await issuesOf("")).toEqual([
      'gateway.yaml:1:1: /version: required key "version" is missing (Version of this format: 1)',
      'gateway.yaml:1:1: /listeners: required key "listeners" is missing (Doors for clients)',
    ]);
  });
});
