import { describe, expect, it } from "vitest";
import { Lexer } from "yaml";
import { mergeDefaults } from "../../../src/config/source/merge-defaults.ts";
import { MAX_LEXEMES } from "../../../src/config/source/yaml-syntax.ts";
import { MAX_FILE_BYTES, MAX_VALUES, readYaml } from "../../../src/config/source/read-yaml.ts";
import { toPlainValue } from "../../../src/config/source/config-node.ts";
import { EXPRESSION_LIMITS } from "../../../src/expressions/declarations.ts";
import { configOf, interceptor, issuesOf, minimal } from "../../support/config-text.ts";

/** The plain value and the issues' positions and messages. */
function read(text: string) {
  const { root, issues } = readYaml({ file: "f", text, kind: "file" });
  return { value: root && toPlainValue(root), issues: issues.map(({ line, column, message }) => `${line}:${column} ${message}`) };
}

describe("reading YAML", () => {
  it.each([
    ["a: 'x", "1:6 invalid YAML: a closing quote, bracket, comma, colon or space is missing"],
    ["a:\n\t- b", "2:1 invalid YAML: tabs cannot indent"],
    [
      "a: b: c",
      "1:4 invalid YAML: a mapping inside a mapping starts on a line of its own (a text with a colon and a space needs quotes)",
    ],
    ["a: @b", "1:4 invalid YAML: a text that begins with this character needs quotes"],
    ["a: 1\n---\nb: 2", "2:1 expected one YAML document, found a second one"],
    ["- a\nb: c", "2:1 invalid YAML: this cannot stand here"],
  ])("reports one issue for broken syntax: %j", (text, issue) => {
    expect(read(text)).toEqual({ value: undefined, issues: [issue] });
  });

  it.each([
    ["a: 1\na: 2", "2:1 this key stands here twice"],
    ["a: !mine 1", "1:10 tags are not used here"],
    ["a: 12345678901234567890", "1:4 this number cannot be kept exactly: write it in quotes"],
    ["a: .inf", "1:4 this number cannot be kept exactly: write it in quotes"],
    ["? [a]\n: b", "1:3 expected a text as key"],
    ["__proto__: { a: 1 }", "1:1 __proto__ cannot be a key"],
    ["a: *b", "1:4 unknown alias: an anchor of this name must stand above it"],
    ["a: &a [*a]", "1:8 unknown alias: an anchor of this name must stand above it"],
    ["a: { <<: 1 }", "1:10 a merge key (<<) takes a mapping or a list of mappings"],
  ])("reports what it cannot use: %j", (text, issue) => {
    expect(read(text).issues).toEqual([issue]);
  });

  it("unfolds anchors and merge keys, the map's own keys first", () => {
    const { value, issues } = read("a: &a { x: 1, y: 2 }\nb: { <<: *a, y: 3 }\nc: { <<: [{ y: 4 }, *a] }\nd: *a");
    expect(issues).toEqual([]);
    expect(value).toEqual({ a: { x: 1, y: 2 }, b: { x: 1, y: 3 }, c: { x: 1, y: 4 }, d: { x: 1, y: 2 } });
  });

  it("keeps keys that every object inherits", () => {
    expect(read("constructor: 1\ntoString: 2").value).toEqual(
      Object.fromEntries([
        ["constructor", 1],
        ["toString", 2],
      ]),
    );
  });

  it("stops an alias bomb", () => {
    const level = (name: string, of: string): string =>
      `${name}: &${name} [${Array.from({ length: 10 }, () => `*${of}`).join(", ")}]\n`;
    const bomb = (item: string): string =>
      `a: &a [${`${item}, `.repeat(10)}]\n${level("b", "a")}${level("c", "b")}${level("d", "c")}${level("e", "d")}${level("f", "e")}`;
    const refused = [expect.stringContaining("aliases unfold to more than 1500000 values")];
    expect(read(`${bomb("x")}${level("g", "f")}`).issues).toEqual(refused);
    // each empty map may lack keys, and be told so
    expect(read(bomb("x")).issues).toEqual([]);
    expect(read(bomb("{}")).issues).toEqual(refused);
  });

  it("has room for 100,000 routes", () => {
    const one = "  - { name: r-99999, match: { hosts: [a.example.org], path: /orders/99999/** }, upstream: orders }\n";
    const text = `defaults: { route: { authenticate: [anonymous], listeners: [public] } }\nroutes:\n${one.repeat(100)}`;
    const { root } = readYaml({ file: "gateway.yaml", text, kind: "file" });
    expect(root === undefined ? Infinity : mergeDefaults(root).weight * 1000).toBeLessThan(MAX_VALUES);
    expect([...new Lexer().lex(text)].length * 1000).toBeLessThan(MAX_LEXEMES);
    expect(one.length * 100_000).toBeLessThan(MAX_FILE_BYTES);
  });

  it.each([
    ["brackets", "[".repeat(5000)],
    ["braces", "{".repeat(100_000)],
    ["dashes", "- ".repeat(100_000)],
    ["question marks", "? ".repeat(100_000)],
  ])("stops at deep nesting: %s", (_what, text) => {
    expect(read(text).issues).toEqual([expect.stringContaining("nested more than 64 levels deep")]);
  });

  it("refuses a file above 10 MiB unread", () => {
    expect(read(`# ${"x".repeat(10 * 1024 * 1024)}`).issues).toEqual(["1:1 file larger than 10 MiB"]);
  });
});

describe("null", () => {
  const plain = "endpoint: grpc://127.0.0.1:7443, allow_insecure: true, bindings: []";
  const tls = "defaults: { interceptor: { tls: { ca_file: a, cert_file: b, key_file: c }, timeout: 1s } }\n";

  it("takes back what defaults say, a whole map of it too: the built-in value holds, or none", async () => {
    const { config } = await configOf(minimal(`${tls}interceptors: [{ name: a, ${plain}, tls: null, timeout: null }]\n`));
    expect(config.interceptors[0]).toMatchObject({ endpoints: [{ kind: "grpc" }], terms: { limits: { timeoutMs: 500 } } });
  });

  it("takes back one member of a map, and leaves the others", async () => {
    const labels = "defaults: { route: { labels: { tier: gold, zone: a } } }\n";
    const text = minimal(labels).replace("upstream: orders }", "upstream: orders, labels: { tier: null } }");
    expect((await configOf(text)).config.routes[0]?.labels).toEqual({ zone: "a" });
  });

  it("takes back what is needed: then it is missing", async () => {
    const text = minimal(
      `${tls}interceptors: [{ name: a, endpoint: "grpcs://tenancy.internal:7443", tls: null, bindings: [] }]\n`,
    );
    expect(await issuesOf(text)).toEqual([expect.stringContaining('required key "tls" is missing')]);
  });

  it("is no value where there is nothing to take back", async () => {
    expect(await issuesOf(minimal(`interceptors: [{ name: a, ${plain}, timeout: null }]\n`))).toEqual([
      expect.stringContaining("/interceptors/0/timeout"),
    ]);
  });
});

describe("the longest condition", () => {
  it("is as long for the loader as for the compiler of expressions", async () => {
    const conditionOf = (length: number): string => `'${"x".repeat(length - 8)}' == ''`;
    const fileWith = (when: string): string => minimal(interceptor({ binding: `match: { when: "${when}" }` }));
    expect(conditionOf(EXPRESSION_LIMITS.chars)).toHaveLength(4096);
    expect(await issuesOf(fileWith(conditionOf(4096)))).toEqual([]);
    expect(await issuesOf(fileWith(conditionOf(4097)))).toEqual([expect.stringContaining("expected at most 4096 characters")]);
  });
});

describe("defaults", () => {
  const defaults = "defaults:\n  route: { labels: { tier: gold, zone: a }, listeners: [public], max_body_bytes: 1MiB }\n";

  it("merge maps by key and give way to lists and single values", async () => {
    const text = minimal(defaults).replace(
      "upstream: orders }",
      "upstream: orders, labels: { tier: silver }, max_body_bytes: 2MiB }",
    );
    const { config } = await configOf(text);
    expect(config.routes[0]).toMatchObject({
      labels: { tier: "silver", zone: "a" },
      listeners: ["public"],
      maxBodyBytes: 2 * 1024 * 1024,
    });
  });

  it("give every interceptor what it needs to be reached", async () => {
    const more = interceptor()
      .replace(/tls: .*\n/, "order: 5\n")
      .replace("    order: 1000\n", "");
    const { config } = await configOf(
      minimal(`${more}defaults: { interceptor: { tls: { ca_file: a, cert_file: b, key_file: c }, failure_policy: fail-open } }`),
    );
    expect(config.interceptors[0]).toMatchObject({
      order: 5,
      endpoints: [{ tls: { caFile: "a" } }],
      terms: { failurePolicy: "fail-open" },
    });
  });

  it("are wrong once, where they stand, however many items take them", async () => {
    const text = minimal("defaults: { route: { listeners: [publc], streeming: none } }")
      .concat("\n")
      .replace("routes:", "routes:\n  - { name: b, match: { path: /b }, authenticate: [anonymous], upstream: orders }");
    expect(await issuesOf(text)).toEqual([
      'gateway.yaml:9:34: /defaults/route/listeners/0: unknown listener "publc" (did you mean public?)',
      'gateway.yaml:9:42: /defaults/route/streeming: unknown key "streeming" (did you mean streaming?)',
    ]);
  });
});

describe("positions", () => {
  const text = minimal(
    `${interceptor({ binding: "match: { when: \"request.method == 'GET'\" }" })}defaults: { route: { warnings: true } }`,
  );

  it("say who gave a value", async () => {
    const { positions } = await configOf(text, { env: { SALLYPORT_DRAIN: "1s" } });
    expect(positions.originOf("/routes/0/upstream")).toBe("file");
    expect(positions.originOf("/routes/0/warnings")).toBe("defaults");
    expect(positions.originOf("/routes/0/streaming")).toBe("built-in");
    expect(positions.originOf("/drain")).toBe("environment");
  });

  it("give the place of a value, of the map that lacks it, and of a default where it stands", async () => {
    const { positions } = await configOf(text);
    expect(positions.at("/routes/0/upstream")).toEqual({ file: "gateway.yaml", line: 7, column: 90 });
    expect(positions.at("/routes/0/streaming/x")).toEqual(positions.at("/routes/0"));
    expect(positions.issueAt("/routes/0/warnings", "no")).toMatchObject({ line: 18, pointer: "/defaults/route/warnings" });
    expect(positions.at("/nowhere")).toEqual(positions.at(""));
  });

  it.each([
    ["quoted", `match: { when: "request.method == 'GET'" }`, 17, 40],
    ["plain", "match:\n          when: request.method == 'GET'", 18, 32],
    ["in a block", "match:\n          when: |\n            true &&\n            request.method == 'GET'", 20, 28],
  ])("lead into a text that is %s", async (_what, binding, line, column) => {
    const { config, positions } = await configOf(minimal(interceptor({ binding })));
    const when = config.interceptors[0]?.bindings[0]?.match.when ?? "";
    const pointer = "/interceptors/0/bindings/0/match/when";
    expect(positions.within(pointer, when.indexOf("=="))).toEqual({
      file: "gateway.yaml",
      line,
      column,
    });
  });

  it("fall back to the start of a text that was folded, escaped or made of variables", async () => {
    const { positions } = await configOf(minimal(interceptor({ binding: 'match: { when: "a \\"b\\" c" }' })));
    const pointer = "/interceptors/0/bindings/0/match/when";
    expect(positions.within(pointer, 4)).toEqual(positions.at(pointer));
  });
});
