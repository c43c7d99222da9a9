import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { toPlain } from "../../../src/config/to-plain.ts";
import { configOf, issuesOf, minimal } from "../../support/config-text.ts";

const CANARY = "canary-4f1c";

const withSecrets = `version: 1
listeners:
  - { name: public, address: 127.0.0.1:8080 }
upstreams:
  orders:
    endpoints: [http://127.0.0.1:9000]
    credential: { slot: bearer, secret: "\${UPSTREAM_SECRET}" }
  billing:
    endpoints: [http://127.0.0.1:9001]
    credential: { slot: header/x-api-key, secret_file: secrets/billing.key }
authenticators:
  ops: { type: static-token, token_file: secrets/ops.token, principal: { id: ops, scopes: [admin] } }
  keys: { type: api-key, slots: [bearer, header/X-Api-Key], file: secrets/keys.yaml }
routes:
  - { name: orders, match: { path: /orders }, authenticate: [keys, ops], upstream: orders }
`;

const surroundings = {
  env: { UPSTREAM_SECRET: `${CANARY}-env` },
  files: {
    "secrets/billing.key": `${CANARY}-file\n`,
    "secrets/ops.token": `${CANARY}-token\r\n`,
    "secrets/keys.yaml": `- id: alice\n  sha256: ${"ab".repeat(32)}\n  principal: { id: alice, tenants: [t1] }\n  expires_at: 2030-01-01T00:00:00Z\n`,
  },
};

describe("secrets", () => {
  it("are read from their files and wrapped, without the line break editors add", async () => {
    const { config } = await configOf(withSecrets, surroundings);
    expect(config.upstreams[0]?.credential?.secret.reveal()).toBe(`${CANARY}-env`);
    expect(config.upstreams[1]?.credential?.secret.reveal()).toBe(`${CANARY}-file`);
    const [ops, keys] = config.authenticators;
    expect(ops?.type === "static-token" && ops.token.reveal()).toBe(`${CANARY}-token`);
    expect(keys).toEqual({
      type: "api-key",
      name: "keys",
      slots: [{ kind: "bearer" }, { kind: "header", name: "x-api-key" }],
      apiKeys: [
        {
          id: "alice",
          sha256: "ab".repeat(32),
          principal: { id: "alice", tenants: ["t1"], scopes: [] },
          expiresAtMs: Date.UTC(2030, 0, 1),
        },
      ],
    });
  });

  it("are not in any form of the configuration that is made to be seen", async () => {
    const { config } = await configOf(withSecrets, surroundings);
    expect(JSON.stringify(toPlain(config))).not.toContain(CANARY);
    expect(JSON.stringify(toPlain(config))).toContain("[secret]");
    expect(JSON.stringify(config)).not.toContain(CANARY);
    expect(inspect(config, { depth: 20 })).not.toContain(CANARY);
  });

  it.each([
    ["a value from the environment anywhere", minimal("log: { level: '${C}' }")],
    ["a name from the environment", minimal().replace("upstream: orders }", "upstream: '${C}' }")],
    [
      "a name from the environment that is taken",
      minimal("require: []").replace(
        "routes:",
        "routes:\n  - { name: '${C}', match: { path: /a }, authenticate: [anonymous], upstream: orders }\n  - { name: '${C}', match: { path: /a }, authenticate: [anonymous], upstream: orders }",
      ),
    ],
    ["a path from the environment", minimal().replace("/v1/orders/**", "'/${C}/%41'")],
    ["a secret in place of a mapping", minimal().replace('9000"] }', `9000"], credential: ${CANARY} }`)],
    ["a secret in place of a slot", minimal().replace('9000"] }', `9000"], credential: { slot: ${CANARY}, secret: x } }`)],
    ["a secret in place of a key", minimal().replace('9000"] }', `9000"], credential: { slot: bearer, ${CANARY}: } }`)],
    [
      "a secret in place of the file that holds it",
      minimal().replace('9000"] }', `9000"], credential: { slot: bearer, secret_file: ${CANARY} } }`),
    ],
    [
      "a secret of two lines",
      minimal().replace('9000"] }', `9000"], credential: { slot: bearer, secret: "${CANARY}\\n${CANARY}" } }`),
    ],
    [
      "a token in place of its file",
      minimal(`authenticators: { ops: { type: static-token, token_file: ${CANARY}, principal: { id: a } } }`),
    ],
    ["a password in an address", minimal().replace("http://", `http://user:${CANARY}@`)],
    ["a password in an address with another mistake", minimal().replace("http://", `https://user:${CANARY}@`)],
    ["broken YAML around it", minimal(`x: [${CANARY}`)],
    ["a secret behind a broken escape", minimal(`x: "${CANARY}\\q"`)],
  ])("are not in issues: %s", async (_what, text) => {
    const issues = await issuesOf(text, { env: { C: CANARY } });
    expect(issues.length).toBeGreaterThan(0);
    expect(issues.join("\n")).not.toContain(CANARY);
  });

  it.each([
    ["missing", {}, "the file does not exist"],
    ["empty", { t: "" }, "the file holds no credential: expected one line of visible ASCII characters"],
    ["of two lines", { t: "a\nb\n" }, "the file holds no credential: expected one line of visible ASCII characters"],
    ["not ASCII", { t: "schlüssel" }, "the file holds no credential: expected one line of visible ASCII characters"],
    ["too long", { t: "a".repeat(65 * 1024) }, "the file is too large"],
  ])("are refused when their file is %s", async (_what, files, message) => {
    const more = "authenticators: { ops: { type: static-token, token_file: t, principal: { id: ops } } }";
    expect(await issuesOf(minimal(more), { files })).toEqual([`gateway.yaml:8:58: /authenticators/ops/token_file: ${message}`]);
  });
});

describe("an api key file", () => {
  const text = minimal("authenticators: { keys: { type: api-key, file: keys/a.yaml } }");

  it("reports its issues under its own path and positions, and quotes no hash", async () => {
    const file = `- { id: a, sha256: ${CANARY}, principal: { id: a } }\n- { id: a, sha256: ${"ab".repeat(32)}, principal: { idd: a }, expires_at: tomorrow }\n`;
    expect(await issuesOf(text, { files: { "keys/a.yaml": file } })).toEqual([
      "keys/a.yaml:1:20: /0/sha256: expected 64 lower-case hexadecimal digits, found an unfit text",
      "keys/a.yaml:2:9: /1/id: this id stands in the file twice",
      'keys/a.yaml:2:97: /1/principal/id: required key "id" is missing (Identity shown to interceptors, upstreams and logs)',
      "keys/a.yaml:2:99: /1/principal: unknown key (did you mean id?)",
      "keys/a.yaml:2:121: /1/expires_at: expected a point in time such as 2030-01-31T00:00:00Z, found an unfit text",
    ]);
  });

  it.each([CANARY, `${CANARY}: x`, `- ${CANARY}: x`, `a: { ${CANARY}: 1, ${CANARY}: 2 }`, `[${CANARY}`])(
    "shows nothing of a wrong file that was named instead: %s",
    async (wrong) => {
      const issues = await issuesOf(text, { files: { "keys/a.yaml": wrong } });
      expect(issues.length).toBeGreaterThan(0);
      expect(issues.join("\n")).not.toContain(CANARY);
    },
  );

  it("refuses the same hash under two ids", async () => {
    const record = (id: string): string => `- { id: ${id}, sha256: ${"ab".repeat(32)}, principal: { id: ${id} } }\n`;
    expect(await issuesOf(text, { files: { "keys/a.yaml": record("a") + record("b") } })).toEqual([
      "keys/a.yaml:2:20: /1/sha256: this sha256 stands in the file twice",
    ]);
  });

  it("is resolved beside the configuration file", async () => {
    expect(await issuesOf(text)).toEqual(["gateway.yaml:8:48: /authenticators/keys/file: the file does not exist"]);
  });
});
