import { createHash } from "node:crypto";
import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import type { CredentialSlot } from "../../../../src/model/credential-slot.ts";
import { Secret } from "../../../../src/model/secret.ts";
import { apiKey, type ApiKey } from "../../../../src/policies/authenticate/api-key.ts";
import { presentedCredential } from "../../../../src/policies/authenticate/presented-credential.ts";
import { staticToken } from "../../../../src/policies/authenticate/static-token.ts";
import { FakeClock } from "../../../support/fake-clock.ts";
import { exchangeWith } from "../../../support/received.ts";

type Line = readonly [string, string];

const BEARER: CredentialSlot = { kind: "bearer" };
const X_API_KEY: CredentialSlot = { kind: "header", name: "x-api-key" };
const QUERY: CredentialSlot = { kind: "query", name: "key" };
const headWith = (lines: readonly Line[], query?: string) => exchangeWith(lines, { query }).head;
const bearer = (text: string): readonly Line[] => [["Authorization", text]];

describe("a presented credential", () => {
  it.each([
    ["Bearer abc", "abc"],
    ["bearer abc", "abc"],
    ["BEARER a.b-c_d~e+f/g==", "a.b-c_d~e+f/g=="],
  ])("in %j is %s", (line, text) => {
    expect(presentedCredential(headWith(bearer(line)), [BEARER])).toEqual({ kind: "presented", text });
  });

  it.each([
    "Bearer",
    "Bearer ",
    "Bearer  abc",
    "Bearer abc def",
    "Bearer\tabc",
    "Bearer abc,def",
    "Bearer =abc",
    "Bearer a=b",
    "Bearer caf\xe9",
    "bearer: abc",
    " Bearer abc",
    'Bearer "abc"',
  ])("in %j is malformed", (line) => {
    expect(presentedCredential(headWith(bearer(line)), [BEARER]).kind).toBe("malformed");
  });

  it.each([[[]], [bearer("Basic YTpi")], [bearer("BearerX abc")], [bearer("")], [bearer("abc")]])("is absent in %j", (lines) => {
    expect(presentedCredential(headWith(lines), [BEARER]).kind).toBe("absent");
  });

  it.each([
    ["two Authorization lines", [...bearer("Bearer a"), ...bearer("Bearer a")], undefined, [BEARER]],
    ["two lines, one of them Basic", [...bearer("Basic a"), ...bearer("Bearer a")], undefined, [BEARER]],
    [
      "two header lines",
      [
        ["x-api-key", "a"],
        ["X-Api-Key", "a"],
      ],
      undefined,
      [X_API_KEY],
    ],
    ["an empty header", [["x-api-key", ""]], undefined, [X_API_KEY]],
    ["white space inside", [["x-api-key", "a b"]], undefined, [X_API_KEY]],
    ["bytes above ASCII", [["x-api-key", "caf\xe9"]], undefined, [X_API_KEY]],
    ["two query values", [], "key=a&key=b", [QUERY]],
    ["two slots filled", [...bearer("Bearer a"), ["x-api-key", "a"]], undefined, [BEARER, X_API_KEY]],
    ["header and query", [["x-api-key", "a"]], "key=a", [X_API_KEY, QUERY]],
  ] as const)("is malformed with %s", (_name, lines, query, slots) => {
    expect(presentedCredential(headWith(lines, query), slots).kind).toBe("malformed");
  });

  it.each([
    [["key.abc"], { kind: "presented", text: "abc" }],
    [["KEY.aBc", "other.x"], { kind: "presented", text: "aBc" }],
    [["other.x"], { kind: "absent" }],
    [["key.abc", "key.abd"], { kind: "malformed" }],
    [["key."], { kind: "malformed" }],
  ])("in the subprotocols %j is %j, whatever the case of its prefix", (credentialSubprotocols, found) => {
    const slots = [BEARER, { kind: "websocket-protocol", prefix: "key." } as const];
    expect(presentedCredential({ ...headWith([]), credentialSubprotocols }, slots)).toMatchObject(found);
    expect(presentedCredential(headWith([["sec-websocket-protocol", "key.abc"]]), slots).kind).toBe("absent");
  });

  it("is found in whichever slot it stands", () => {
    expect(presentedCredential(headWith([["X-Api-Key", "abc"]]), [BEARER, X_API_KEY])).toEqual({
      kind: "presented",
      text: "abc",
    });
    expect(presentedCredential(headWith([], "q=1&key=a%2Bc"), [BEARER, QUERY])).toEqual({ kind: "presented", text: "a+c" });
  });
});

describe("a static token", () => {
  const authenticator = staticToken({
    name: "ops",
    slots: [BEARER],
    token: new Secret("s3cret"),
    principal: { id: "ops", tenants: ["t1"], scopes: ["admin"] },
  });

  it("vouches for its principal", () => {
    expect(authenticator.authenticate(headWith(bearer("Bearer s3cret")))).toEqual({
      kind: "principal",
      principal: {
        id: "ops",
        anonymous: false,
        type: "static-token",
        tenants: ["t1"],
        scopes: ["admin"],
        roles: [],
        claimsJson: "",
      },
    });
  });

  it.each([
    ["Bearer S3cret", "invalid"],
    ["Bearer s3cre", "invalid"],
    ["Bearer s3cret2", "invalid"],
    ["Bearer  s3cret", "invalid"],
    ["Basic s3cret", "absent"],
  ])("takes %j as %s, without repeating it", (line, kind) => {
    const found = authenticator.authenticate(headWith(bearer(line)));
    expect(found).toMatchObject({ kind });
    expect(JSON.stringify(found)).not.toMatch(/s3cre/i);
  });

  it("does not show its token", () => {
    expect(inspect(authenticator, { depth: 9, showHidden: true })).not.toContain("s3cret");
  });
});

describe("api keys", () => {
  const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");
  const key = (text: string, id: string, expiresAtMs?: number): ApiKey => ({
    sha256: sha256(text),
    principal: { id, tenants: [], scopes: [] },
    expiresAtMs,
  });
  const clock = new FakeClock(1_000_000);
  const keys = apiKey(
    {
      name: "keys",
      slots: [BEARER, X_API_KEY],
      apiKeys: [
        key("k-alice", "alice"),
        { ...key("k-bob", "bob", 1_000_001), sha256: sha256("k-bob").toUpperCase() },
        key("k-carol", "carol", 1_000_000),
        key("k-dave", "dave", Number.NaN),
      ],
    },
    { clock },
  );

  it.each([
    [bearer("Bearer k-alice"), "alice"],
    [[["x-api-key", "k-alice"]], "alice"],
    [bearer("Bearer k-bob"), "bob"],
  ] as const)("vouch for whose they are: %j", (lines, id) => {
    expect(keys.authenticate(headWith(lines))).toMatchObject({
      kind: "principal",
      principal: { id, type: "api-key", anonymous: false },
    });
  });

  it.each([
    ["that is unknown", "Bearer k-eve", "The credential is not accepted."],
    ["that has just expired", "Bearer k-carol", "The api key has expired."],
    ["whose expiry cannot be read", "Bearer k-dave", "The api key has expired."],
    ["that is a stored hash", `Bearer ${sha256("k-alice")}`, "The credential is not accepted."],
    ["that is malformed", "Bearer k-alice x", "The Authorization header must read Bearer, one space, one credential."],
  ])("refuse one %s", (_name, line, detail) => {
    expect(keys.authenticate(headWith(bearer(line)))).toEqual({ kind: "invalid", detail });
  });

  it("find none where none is shown, and refuse two", () => {
    expect(keys.authenticate(headWith([]))).toEqual({ kind: "absent" });
    expect(keys.authenticate(headWith([...bearer("Bearer k-alice"), ["x-api-key", "k-bob"]]))).toMatchObject({ kind: "invalid" });
  });

  it("expire while the gateway runs", () => {
    clock.advance(1);
    expect(keys.authenticate(headWith(bearer("Bearer k-bob")))).toEqual({ kind: "invalid", detail: "The api key has expired." });
  });
});
