import { createHash } from "node:crypto";
import type { OutgoingHttpHeaders } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { send, type ClientAnswer } from "../support/http-client.ts";
import { startGateway, type TestGateway } from "../support/start-gateway.ts";
import { startUpstream, type TestUpstream, type UpstreamRequestSeen } from "../support/start-upstream.ts";

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

const OPS = "ops-token-0123456789";
const KIM = "kim-key-0123456789";
const OLD = "old-key-0123456789";

const CONFIG = (upstream: string): string => `authenticators:
  ops: { type: static-token, token_file: ops.token, principal: { id: ops } }
  ops-header: { type: static-token, slots: [header/x-ops-token], token_file: ops.token, principal: { id: ops-by-header } }
  keys: { type: api-key, slots: [bearer, header/x-api-key], file: keys.yaml }
upstreams:
  plain: { endpoints: ["${upstream}"] }
  paid: { endpoints: ["${upstream}"], credential: { slot: bearer, secret: "\${PAID_KEY}" } }
  by-header: { endpoints: ["${upstream}"], credential: { slot: header/x-api-key, secret_file: paid.key } }
  by-query: { endpoints: ["${upstream}"], credential: { slot: query/key, secret_file: paid.key } }
routes:
  - { name: ops, match: { path: /ops/** }, authenticate: [ops], upstream: plain }
  - { name: keys, match: { path: /keys/** }, authenticate: [keys], upstream: plain }
  - { name: either, match: { path: /either/** }, authenticate: [keys, ops-header], upstream: plain }
  - { name: open, match: { path: /open/** }, authenticate: [keys, anonymous], upstream: plain }
  - { name: paid, match: { path: /paid/** }, authenticate: [keys], upstream: paid }
  - { name: by-header, match: { path: /by-header/** }, authenticate: [keys], upstream: by-header }
  - { name: by-query, match: { path: /by-query/** }, authenticate: [keys], upstream: by-query }
`;

let upstream: TestUpstream;
let gateway: TestGateway;

beforeAll(async () => {
  upstream = await startUpstream();
  gateway = await startGateway({
    config: CONFIG(upstream.url),
    env: { PAID_KEY: "sk-paid-1" },
    files: {
      "ops.token": `${OPS}\n`,
      "paid.key": "sk-paid-2\n",
      "keys.yaml": `- { id: k1, sha256: ${sha256(KIM)}, principal: { id: kim, tenants: [acme], scopes: [read] }, expires_at: 2999-01-01T00:00:00Z }
- { id: k2, sha256: ${sha256(OLD)}, principal: { id: old }, expires_at: 2020-01-01T00:00:00Z }
`,
    },
  });
});

afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]();
  await upstream?.[Symbol.asyncDispose]();
});

type Headers = Readonly<Record<string, string | readonly string[]>>;

/** Sends one request; also gives what the upstream saw of it, if it saw it. */
async function ask(
  path: string,
  headers: Headers = {},
): Promise<{ readonly answer: ClientAnswer; readonly seen: UpstreamRequestSeen | undefined }> {
  const before = upstream.seen.length;
  // Node's type wants a list that could be written to
  const answer = await send(gateway.url + path, { headers: headers as OutgoingHttpHeaders });
  return { answer, seen: upstream.seen[before] };
}

const bearer = (text: string): Record<string, string> => ({ authorization: `Bearer ${text}` });

describe("a credential", () => {
  it.each([
    ["a static token as a bearer", "/ops/x", bearer(OPS), "ops"],
    ["a bearer whose scheme is written otherwise", "/ops/x", { authorization: `bearer ${OPS}` }, "ops"],
    ["an api key as a bearer", "/keys/x", bearer(KIM), "kim"],
    ["an api key in its header", "/keys/x", { "x-api-key": KIM }, "kim"],
    ["the second of two authenticators", "/either/x", { "x-ops-token": OPS }, "ops-by-header"],
    ["none where everybody may come", "/open/x", {}, undefined],
    ["one of another scheme where everybody may come", "/open/x", { authorization: "Basic Zm9vOmJhcg==" }, undefined],
  ])("lets in: %s", async (_what, path, headers, principalId) => {
    const { answer } = await ask(path, headers);
    expect(answer.status).toBe(200);
    const line = await gateway.lineWhere((each) => each["request_id"] === answer.headers["x-request-id"]);
    expect(line["principal_id"]).toBe(principalId);
  });

  it.each([
    ["none at all", "/keys/x", {}, "credential_missing"],
    ["one of another scheme", "/keys/x", { authorization: "Basic Zm9vOmJhcg==" }, "credential_missing"],
    ["one in a slot nobody reads", "/ops/x", { "x-api-key": OPS }, "credential_missing"],
    ["a wrong one", "/keys/x", bearer("wrong"), "credential_invalid"],
    ["one for another authenticator", "/keys/x", bearer(OPS), "credential_invalid"],
    ["an expired one", "/keys/x", bearer(OLD), "credential_invalid"],
    ["one that is malformed", "/keys/x", { authorization: `Bearer ${KIM} and more` }, "credential_invalid"],
    ["two, in two slots", "/keys/x", { ...bearer(KIM), "x-api-key": KIM }, "credential_invalid"],
    ["a wrong one where everybody may come", "/open/x", bearer("wrong"), "credential_invalid"],
    ["a wrong one before a right one", "/either/x", { ...bearer("wrong"), "x-ops-token": OPS }, "credential_invalid"],
  ])("is refused with 401: %s", async (_what, path, headers, code) => {
    const { answer, seen } = await ask(path, headers);
    expect([answer.status, answer.json()["code"]]).toEqual([401, code]);
    expect(answer.headers["www-authenticate"]).toMatch(/^Bearer/);
    expect(seen).toBeUndefined();
  });

  it.each([
    ["authorization", "/keys/x", { authorization: [`Bearer ${KIM}`, `Bearer ${KIM}`] }],
    ["a configured header", "/keys/x", { "x-api-key": [KIM, KIM] }],
  ])("sent twice in %s is refused before anybody reads it", async (_what, path, headers) => {
    const { answer, seen } = await ask(path, headers);
    expect([answer.status, answer.json()["code"]]).toEqual([400, "bad_request"]);
    expect(seen).toBeUndefined();
  });

  it("tells nobody which of its parts was wrong, but its holder that it has expired", async () => {
    const [wrong, expired] = [await ask("/keys/x", bearer("wrong")), await ask("/keys/x", bearer(OLD))];
    expect(wrong.answer.json()["detail"]).toBe("The credential is not accepted.");
    expect(expired.answer.json()["detail"]).toMatch(/expired/);
  });

  it.each([
    ["a bearer", bearer(KIM)],
    ["a header", { "x-api-key": KIM }],
  ])("goes no further than the gateway: %s", async (_slot, credential) => {
    const { seen } = await ask("/keys/x?q=1", { ...credential, "x-other": "kept" });
    expect(seen?.headers["x-other"]).toBe("kept");
    expect(seen?.rawHeaders.join("\n")).not.toContain(KIM);
    for (const name of ["authorization", "x-api-key"]) expect(Object.keys(seen?.headers ?? {})).not.toContain(name);
  });

  it.each([
    ["as a bearer", "/paid/x?a=1", { authorization: "Bearer sk-paid-1" }, "/paid/x?a=1"],
    ["in a header", "/by-header/x?a=1", { "x-api-key": "sk-paid-2" }, "/by-header/x?a=1"],
    ["in the query", "/by-query/x?a=1&key=made-up", {}, "/by-query/x?a=1&key=sk-paid-2"],
  ])("of the gateway's own takes the place of the client's %s", async (_how, path, headers, url) => {
    const { answer, seen } = await ask(path, bearer(KIM));
    expect(answer.status).toBe(200);
    expect(seen?.headers).toMatchObject(headers);
    expect(seen?.url).toBe(url);
    expect(JSON.stringify([seen?.rawHeaders, seen?.url])).not.toMatch(new RegExp(`${KIM}|made-up`));
  });
});
