import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { send } from "../support/http-client.ts";
import { startGateway, type TestGateway } from "../support/start-gateway.ts";
import { startUpstream, type TestUpstream, type UpstreamRequestSeen } from "../support/start-upstream.ts";

const KIM = "kim-key-0123456789";
const REAL = "sk-real-provider-key";

const config = (upstream: string): string => `authenticators:
  slots: { type: api-key, slots: [bearer, header/x-api-key, header/x-goog-api-key, query/key], file: keys.yaml }
  header: { type: api-key, slots: [header/x-team-key], file: keys.yaml }
upstreams:
  openai: { endpoints: ["${upstream}"], credential: { preset: openai, secret: "\${REAL}" } }
  anthropic: { endpoints: ["${upstream}"], credential: { preset: anthropic, secret: "\${REAL}" } }
  gemini: { endpoints: ["${upstream}"], credential: { preset: gemini, secret: "\${REAL}" } }
  generic: { endpoints: ["${upstream}"], credential: { slot: header/x-service-key, secret: "\${REAL}" } }
  plain: { endpoints: ["${upstream}"] }
routes:
  - { name: openai, match: { path: /openai/** }, authenticate: [slots], upstream: openai }
  - { name: anthropic, match: { path: /anthropic/** }, authenticate: [slots], upstream: anthropic }
  - { name: gemini, match: { path: /gemini/** }, authenticate: [slots], upstream: gemini }
  - { name: team, match: { path: /team/** }, authenticate: [header], upstream: gemini }
  - { name: generic, match: { path: /generic/** }, authenticate: [header], upstream: generic }
  - { name: plain, match: { path: /plain/** }, authenticate: [header], upstream: plain }
`;

/** Where the one credential of each upstream stands. */
const SET: Readonly<Record<string, readonly [name: string, value: string]>> = {
  openai: ["authorization", `Bearer ${REAL}`],
  anthropic: ["x-api-key", REAL],
  gemini: ["x-goog-api-key", REAL],
};

/** A client's credential in each of the slots. */
const SHOWN: readonly (readonly [slot: string, headers: Readonly<Record<string, string>>, query: string])[] = [
  ["a bearer", { authorization: `Bearer ${KIM}` }, "?a=1"],
  ["x-api-key", { "x-api-key": KIM }, "?a=1"],
  ["x-goog-api-key", { "x-goog-api-key": KIM }, "?a=1"],
  ["the query", {}, `?a=1&key=${KIM}`],
];

let upstream: TestUpstream;
let gateway: TestGateway;

beforeAll(async () => {
  upstream = await startUpstream();
  const sha256 = createHash("sha256").update(KIM).digest("hex");
  gateway = await startGateway({
    config: config(upstream.url),
    env: { REAL },
    files: { "keys.yaml": `- { id: k1, sha256: ${sha256}, principal: { id: kim } }\n` },
  });
});

afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]();
  await upstream?.[Symbol.asyncDispose]();
});

/** Sends one request; what the upstream saw of it. */
async function forwarded(path: string, headers: Readonly<Record<string, string>>): Promise<UpstreamRequestSeen | undefined> {
  const before = upstream.seen.length;
  await send(gateway.url + path, { headers });
  return upstream.seen[before];
}

const CREDENTIAL_LINES = ["authorization", "x-api-key", "x-goog-api-key", "api-key", "x-team-key", "x-service-key"];

/** Names of all lines that may carry one. */
const credentialLines = (seen: UpstreamRequestSeen | undefined): readonly string[] =>
  Object.keys(seen?.headers ?? {}).filter((name) => CREDENTIAL_LINES.includes(name));

describe("a request to a provider", () => {
  for (const [provider, [name, value]] of Object.entries(SET)) {
    it.each(SHOWN)(
      `to ${provider} carries the gateway's credential and no other, whichever slot the client used: %s`,
      async (_slot, headers, query) => {
        const seen = await forwarded(`/${provider}/v1/x${query}`, headers);
        expect(seen?.headers[name]).toBe(value);
        expect(credentialLines(seen)).toEqual([name]);
        expect(seen?.url).toBe(`/${provider}/v1/x?a=1`);
        expect(JSON.stringify([seen?.rawHeaders, seen?.url])).not.toContain(KIM);
      },
    );
  }

  it("loses what a client put where no authenticator of its route looks", async () => {
    const strange = { authorization: "Bearer mine", "x-api-key": "mine", "x-goog-api-key": "mine", "api-key": "mine" };
    const seen = await forwarded("/team/x?key=mine&a=1", { "x-team-key": KIM, ...strange });
    expect([credentialLines(seen), seen?.url]).toEqual([["x-goog-api-key"], "/team/x?a=1"]);
    expect(JSON.stringify([seen?.rawHeaders, seen?.url])).not.toMatch(/mine|kim-key/);
  });

  it("is refused with two credentials, since which of them counts would depend on the reader", async () => {
    const answer = await send(`${gateway.url}/openai/x?key=${KIM}`, { headers: { "x-api-key": KIM } });
    expect([answer.status, answer.json()["code"]]).toEqual([401, "credential_invalid"]);
    const twice = await send(`${gateway.url}/openai/x?key=${KIM}&key=${KIM}`);
    expect([twice.status, twice.json()["code"]]).toEqual([401, "credential_invalid"]);
  });
});

describe("a request to another upstream", () => {
  it("with a credential of the gateway's loses every credential this gateway knows", async () => {
    const seen = await forwarded("/generic/x?key=mine", { "x-team-key": KIM, "x-api-key": "mine", authorization: "Bearer mine" });
    expect([credentialLines(seen), seen?.url]).toEqual([["x-service-key"], "/generic/x"]);
  });

  it("without one keeps what is between client and upstream", async () => {
    const seen = await forwarded("/plain/x?key=mine", { "x-team-key": KIM, authorization: "Bearer mine" });
    expect([credentialLines(seen), seen?.url]).toEqual([["authorization"], "/plain/x?key=mine"]);
  });
});

describe("a credential in the query", () => {
  it("stands in no line of the log", async () => {
    const answer = await send(`${gateway.url}/openai/logged?key=${KIM}`);
    await gateway.lineWhere((line) => line["request_id"] === answer.headers["x-request-id"]);
    expect(JSON.stringify(gateway.lines)).not.toMatch(new RegExp(`${KIM}|${REAL}`));
  });
});
