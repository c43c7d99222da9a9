import { describe, expect, it } from "vitest";
import { configOf, issuesOf, minimal } from "../../support/config-text.ts";

describe("variables in the file", () => {
  it("are replaced in texts after parsing, so that their values cannot change the structure", async () => {
    const more = 'secrets: { query: ["${NAME}"] }';
    const { config } = await configOf(minimal(more), { env: { NAME: "a], headers: [b" } });
    expect(config.secrets).toEqual({ headers: [], query: ["a], headers: [b"] });
  });

  it("fall back to their default when unset or empty", async () => {
    const text = minimal("drain: ${DRAIN:-5s}");
    expect((await configOf(text)).config.drainMs).toBe(5000);
    expect((await configOf(text, { env: { DRAIN: "" } })).config.drainMs).toBe(5000);
    expect((await configOf(text, { env: { DRAIN: "7s" } })).config.drainMs).toBe(7000);
  });

  it("become the number or the boolean the key asks for", async () => {
    const text = minimal("defaults: { upstream: { max_requests: '${MAX}' }, route: { warnings: '${WARN}' } }").replace(
      "version: 1",
      "version: ${VERSION}",
    );
    const { config } = await configOf(text, { env: { MAX: "12", WARN: "true", VERSION: "1" } });
    expect(config.version).toBe(1);
    expect(config.upstreams[0]?.maxRequests).toBe(12);
    expect(config.routes[0]?.warnings).toBe(true);
  });

  it("become the number also where a word would do, and nothing else", async () => {
    const workers = async (text: string) =>
      (await configOf(minimal("workers: ${WORKERS:-1}"), { env: { WORKERS: text } })).config.workers;
    expect([await workers("4"), await workers("auto"), await workers("")]).toEqual([4, "auto", 1]);
    expect((await configOf(minimal(), { env: { SALLYPORT_WORKERS: "3" } })).config.workers).toBe(3);
    for (const wrong of ["0", "65", "many", "2.5"]) {
      expect(await issuesOf(minimal("workers: ${WORKERS}"), { env: { WORKERS: wrong } })).toEqual([
        expect.stringContaining("/workers: expected a whole number from 1 to 64"),
      ]);
    }
  });

  it("stay text where the key asks for text", async () => {
    const { config } = await configOf(minimal('secrets: { query: ["${NAME}"] }'), { env: { NAME: "12" } });
    expect(config.secrets.query).toEqual(["12"]);
  });

  it("may make up a part of a text, and stand there twice", async () => {
    const { config } = await configOf(minimal('admin: { address: "${HOST}.${HOST}:${PORT:-9000}" }'), { env: { HOST: "a" } });
    expect(config.admin.address).toEqual({ host: "a.a", port: 9000 });
  });

  it("are not looked for in their own values, and $${ is no variable", async () => {
    const { config } = await configOf(minimal('secrets: { query: ["${A}", "$${B}"] }'), { env: { A: "${B}", B: "no" } });
    expect(config.secrets.query).toEqual(["${B}", "${B}"]);
  });

  it("name themselves when they are unset and have no default", async () => {
    expect(await issuesOf(minimal('secrets: { query: ["${NOBODY_SET_ME}"] }'))).toEqual([
      "gateway.yaml:8:20: /secrets/query/0: environment variable NOBODY_SET_ME is not set (set it, or give a default: ${NOBODY_SET_ME:-default})",
    ]);
  });

  it.each(["${", "${}", "${1A}", "${A", "${A:?x}"])("are refused where they are none: %s", async (text) => {
    expect((await issuesOf(minimal(`secrets: { query: ['${text}'] }`)))[0]).toBe(
      "gateway.yaml:8:20: /secrets/query/0: expected a variable such as ${NAME} or ${NAME:-default} (write $${ for the characters ${)",
    );
  });

  it("are not inherited from the prototype of the environment", async () => {
    expect((await issuesOf(minimal("drain: ${constructor}")))[0]).toContain("environment variable constructor is not set");
  });

  it("ask for quotes inside braces and brackets, at the place", async () => {
    expect(await issuesOf(minimal("admin: { address: ${ADDRESS} }"))).toEqual([
      'gateway.yaml:8:19: /: invalid YAML (inside { } and [ ] write "${NAME}" in quotes)',
    ]);
    expect(await issuesOf(minimal("secrets:\n  query: [a, ${NAME}]"))).toEqual([
      'gateway.yaml:9:14: /: invalid YAML (inside { } and [ ] write "${NAME}" in quotes)',
    ]);
  });
});

describe("SALLYPORT_ variables", () => {
  it("win over the file, and make what it lacks", async () => {
    const env = { SALLYPORT_ADMIN__ADDRESS: "127.0.0.1:9999", SALLYPORT_DRAIN: "1s", SALLYPORT_LOG__LEVEL: "warn" };
    const { config } = await configOf(minimal("drain: 5s"), { env });
    expect(config.admin.address.port).toBe(9999);
    expect(config.drainMs).toBe(1000);
    expect(config.log.level).toBe("warn");
  });

  it("reach values by the names the file gives them, dashes as underscores", async () => {
    const text = minimal().replaceAll("orders", "my-orders");
    const { config } = await configOf(text, { env: { SALLYPORT_UPSTREAMS__MY_ORDERS__MAX_REQUESTS: "7" } });
    expect(config.upstreams).toMatchObject([{ name: "my-orders", maxRequests: 7 }]);
  });

  it("win over defaults for one item, and set defaults for all", async () => {
    const env = { SALLYPORT_DEFAULTS__UPSTREAM__MAX_REQUESTS: "3" };
    expect((await configOf(minimal(), { env })).config.upstreams[0]?.maxRequests).toBe(3);
    const both = { ...env, SALLYPORT_UPSTREAMS__ORDERS__MAX_REQUESTS: "4" };
    expect((await configOf(minimal(), { env: both })).config.upstreams[0]?.maxRequests).toBe(4);
  });

  it("are issues when no key has their name", async () => {
    expect(await issuesOf(minimal(), { env: { SALLYPORT_ADMIN__ADRESS: "x", SALLYPORT_LOG: "debug" } })).toEqual([
      'SALLYPORT_ADMIN__ADRESS:1:1: /admin/adress: unknown key "adress" (did you mean address?)',
      "SALLYPORT_LOG:1:1: /log: expected a mapping, found an unfit value from the environment",
    ]);
  });

  it.each([
    ["SALLYPORT_ROUTES__0__NAME", "lists cannot be set by a variable"],
    ["SALLYPORT_VERSION__X", "a single value has no keys"],
    ["SALLYPORT_ADMIN____X", "expected names separated by two underscores"],
    ["SALLYPORT_", "expected names separated by two underscores"],
    ["SALLYPORT___PROTO____X", "expected names separated by two underscores"],
  ])("cannot reach everything: %s", async (name, message) => {
    const issues = await issuesOf(minimal(), { env: { [name]: "1" } });
    expect(issues).toHaveLength(1);
    expect(issues[0]).toContain(message);
  });

  it("of Kubernetes' own making are told apart", async () => {
    expect(
      await issuesOf(minimal(), { env: { SALLYPORT_SERVICE_HOST: "10.0.0.1", SALLYPORT_PORT_8080_TCP_ADDR: "10.0.0.1" } }),
    ).toEqual([
      "SALLYPORT_PORT_8080_TCP_ADDR:1:1: /: not a setting (Kubernetes sets it for a Service of this name: enableServiceLinks: false)",
      "SALLYPORT_SERVICE_HOST:1:1: /: not a setting (Kubernetes sets it for a Service of this name: enableServiceLinks: false)",
    ]);
  });
});
