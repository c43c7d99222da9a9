import { describe, expect, it } from "vitest";
import type { CorsPlan } from "../../../src/model/route-plan.ts";
import { configOf, issuesOf, minimal } from "../../support/config-text.ts";

/** Issues without their positions. */
const issuesIn = async (text: string): Promise<readonly string[]> =>
  (await issuesOf(text)).map((issue) => issue.replace(/^gateway\.yaml:\d+:\d+: \/routes\/0\/policies\/cors/, ""));

const withCors = (cors: string, match = "path: /v1/orders/**"): string =>
  minimal().replace("match: { path: /v1/orders/** }", `match: { ${match} }, policies: { cors: ${cors} }`);

const corsOf = async (text: string): Promise<CorsPlan | undefined> => (await configOf(text)).config.routes[0]?.cors;

describe("policies.cors", () => {
  it("needs origins only", async () => {
    expect(await corsOf(withCors("{ origins: [https://app.example.org] }"))).toEqual({
      origins: ["https://app.example.org"],
      methods: undefined,
      headers: undefined,
      expose: [],
      maxAgeMs: 3_600_000,
      credentials: false,
      privateNetwork: false,
    });
    expect(await corsOf(minimal())).toBeUndefined();
  });

  it("allows the methods its route takes, and HEAD with GET", async () => {
    const origins = "origins: [https://app.example.org]";
    const takes = "path: /v1/orders/**, methods: [GET, PUT, DELETE]";
    expect((await corsOf(withCors(`{ ${origins} }`, takes)))?.methods).toEqual(["GET", "PUT", "DELETE", "HEAD"]);
    expect((await corsOf(withCors(`{ ${origins}, methods: [PUT] }`, takes)))?.methods).toEqual(["PUT"]);
    expect((await corsOf(withCors(`{ ${origins}, headers: [] }`)))?.headers).toEqual([]);
  });

  it("stands under every route in defaults.route; null takes it back, keys merge", async () => {
    const defaults = `defaults: { route: { policies: { cors: { origins: [https://app.example.org], max_age: 5m } } } }`;
    const { config } = await configOf(
      minimal(defaults).replace(
        "upstream: orders }\n",
        `upstream: orders }
  - { name: quiet, match: { path: /quiet }, authenticate: [anonymous], upstream: orders, policies: { cors: null } }
  - { name: own, match: { path: /own }, authenticate: [anonymous], upstream: orders, policies: { cors: { origins: ["*"] } } }
`,
      ),
    );
    expect(config.routes.map(({ name, cors }) => [name, cors?.origins, cors?.maxAgeMs])).toEqual([
      ["orders", ["https://app.example.org"], 300_000],
      ["quiet", undefined, undefined],
      ["own", ["*"], 300_000],
    ]);
  });

  it.each([
    ["https://app.example.org", "https://app.example.org"],
    ["HTTPS://App.Example.org", "https://app.example.org"],
    ["https://app.example.org:8443", "https://app.example.org:8443"],
    ["https://*.example.org", "https://*.example.org"],
    ["http://localhost:5173", "http://localhost:5173"],
    ["http://*.localhost:5173", "http://*.localhost:5173"],
    ["http://127.0.0.1:3000", "http://127.0.0.1:3000"],
    ["'http://[::1]:3000'", "http://[::1]:3000"],
    ["chrome-extension://kbfnbcaeplbcioakkpcpgfkobkghlhen", "chrome-extension://kbfnbcaeplbcioakkpcpgfkobkghlhen"],
    ["capacitor://localhost", "capacitor://localhost"],
  ])("takes the origin %s", async (written, origin) => {
    expect((await corsOf(withCors(`{ origins: [${written}] }`)))?.origins).toEqual([origin]);
  });

  const expected = "expected an origin such as https://app.example.org";

  it.each([
    ["app.example.org", 'expected the scheme too: https://app.example.org or http://app.example.org, found "app.example.org"'],
    ["localhost:5173", 'expected the scheme too: https://localhost:5173 or http://localhost:5173, found "localhost:5173"'],
    ["https://app.example.org/", `${expected}, without a path or a slash at the end, found "https://app.example.org/"`],
    ["https://app.example.org/path", `${expected}, without a path or a slash at the end, found "https://app.example.org/path"`],
    ["https://user@app.example.org", `${expected}, found an unfit text`],
    ["https://app.example.org:0", `${expected}, found "https://app.example.org:0"`],
    ["https://app.example.org:70000", `${expected}, found "https://app.example.org:70000"`],
    ["https://app.example.org:443", "browsers leave out port 443 of https: leave it out too"],
    ["http://app.example.org:80", "browsers leave out port 80 of http: leave it out too"],
    ["https://app.*.org", "a * stands for the whole front of a name, as in https://*.example.org"],
    ["https://*example.org", "a * stands for the whole front of a name, as in https://*.example.org"],
    ["https://*.*.example.org", "a * stands for the whole front of a name, as in https://*.example.org"],
    ["https://*", "a * stands for the whole front of a name, as in https://*.example.org"],
    ["https://*.org", "*.org would let in every name under org: name a domain of your own"],
    ["'null'", "null is the origin of any page that wants it: there is no way to let in one of them"],
    ["5173", `${expected}, found the number 5173`],
  ])("refuses the origin %s", async (origin, message) => {
    expect(await issuesIn(withCors(`{ origins: [${origin}] }`))).toEqual([`/origins/0: ${message}`]);
  });

  it.each([
    ["{}", ['/origins: required key "origins" is missing']],
    ["{ origins: [] }", ['/origins: expected at least one origin: ["*"] lets any page in']],
    ['{ origins: ["*"], credentials: true }', ["/origins/0: * does not go with credentials: true (list the origins that may)"]],
    [
      '{ origins: [https://app.example.org], expose: ["*"], credentials: true }',
      ["/expose/0: * does not go with credentials: true (list the headers)"],
    ],
    ['{ origins: [https://app.example.org, "*"] }', ["/origins/1: * stands alone (list the origins that may, or only *)"]],
    [
      '{ origins: [https://app.example.org], headers: ["*"] }',
      ["/headers/0: * is not the name of a header (leave headers out to let any be set)"],
    ],
    ["{ origins: [https://app.example.org], methods: [get] }", ["/methods/0: expected a method in upper case such as GET"]],
    ["{ origins: [https://app.example.org], max_age: 48h }", ["/max_age: expected a duration between 0ms and 24h"]],
    ["{ orgins: [https://app.example.org] }", ['/orgins: unknown key "orgins" (did you mean origins?)']],
  ])("refuses %s", async (cors, issues) => {
    const found = await issuesIn(withCors(cors));
    for (const issue of issues) expect(found.join("\n")).toContain(issue);
  });

  it("refuses a method its route does not take, but not one that a default names", async () => {
    const takes = "path: /v1/orders/**, methods: [GET, PUT]";
    const origins = "origins: [https://app.example.org]";
    expect(await issuesIn(withCors(`{ ${origins}, methods: [PUT, DELETE, HEAD] }`, takes))).toEqual([
      "/methods/1: the route does not take DELETE (it takes GET, PUT)",
    ]);
    const defaults = `defaults: { route: { policies: { cors: { ${origins}, methods: [PUT, DELETE] } } } }`;
    expect(await issuesIn(minimal(defaults).replace("path: /v1/orders/**", takes))).toEqual([]);
  });

  it("is the only policy there is yet", async () => {
    const text = minimal().replace("upstream: orders }\n", "upstream: orders, policies: { rate_limit: [] } }\n");
    expect((await issuesOf(text)).join("\n")).toContain('/routes/0/policies/rate_limit: unknown key "rate_limit"');
  });
});
