import { createSign, generateKeyPairSync, sign } from "node:crypto";
import type { JWK } from "jose";
import { describe, expect, it } from "vitest";
import { GatewayKeys } from "../../../interceptors-sdk/src/gateway-keys.ts";
import { GatewayTokens } from "../../../interceptors-sdk/src/gateway-tokens.ts";
import {
  AUDIENCE,
  forgedToken,
  hmac,
  ISSUER,
  jwksText,
  signedToken,
  testKey,
  type TokenChanges,
} from "../../support/gateway-tokens.ts";

const NOW_MS = Date.UTC(2026, 0, 1, 12);
const S = NOW_MS / 1000;
const own = await testKey();
const foreign = await testKey();

/** A checker that knows the keys of `text`, at a time that a test moves. */
function checker(text: string | (() => string) = jwksText(own)) {
  const time = { wallMs: NOW_MS, nowMs: 5_000 };
  const read = () => Promise.resolve(typeof text === "string" ? text : text());
  const keys = new GatewayKeys({ read, log: () => undefined, nowMs: () => time.nowMs });
  const tokens = new GatewayTokens({ issuer: ISSUER, audience: AUDIENCE }, { keys, wallMs: () => time.wallMs });
  const check = async (jwt: string) => {
    const checked = await tokens.check([`Bearer ${jwt}`]);
    return checked.ok ? "accepted" : checked.error;
  };
  return { tokens, check, time };
}

const claims = { iss: ISSUER, aud: AUDIENCE, jti: "j", iat: S, exp: S + 300 };

describe("a token of the gateway", () => {
  it("is accepted, the second time from memory", async () => {
    const { check } = checker();
    const jwt = await signedToken(own, NOW_MS);
    expect([await check(jwt), await check(jwt)]).toEqual(["accepted", "accepted"]);
  });

  it.each<[string, TokenChanges, string]>([
    ["out of date by more than the leeway", { claims: { iat: S - 331, exp: S - 31 } }, "expired"],
    ["older than any token of a gateway may get, whatever its exp", { claims: { iat: S - 931, exp: S + 300 } }, "expired"],
    ["from the future by more than the leeway", { claims: { iat: S + 31, exp: S + 300 } }, "not yet valid"],
    ["not valid before a time beyond the leeway", { claims: { nbf: S + 31 } }, "not yet valid"],
    ["for somebody else", { claims: { aud: "urn:sallyport:interceptor:other" } }, "wrong audience"],
    ["for an audience that only begins like ours", { claims: { aud: `${AUDIENCE}2` } }, "wrong audience"],
    [
      "for several audiences, ours among them",
      { claims: { aud: [AUDIENCE, "urn:sallyport:interceptor:other"] } },
      "wrong audience",
    ],
    ["for a list with our audience alone", { claims: { aud: [AUDIENCE] } }, "wrong audience"],
    ["of another issuer", { claims: { iss: "urn:sallyport:other" } }, "wrong issuer"],
    ["without an issuer", { claims: { iss: undefined } }, "incomplete"],
    ["without an audience", { claims: { aud: undefined } }, "incomplete"],
    ["without an end", { claims: { exp: undefined } }, "incomplete"],
    ["without a beginning", { claims: { iat: undefined } }, "incomplete"],
    ["without an id", { claims: { jti: undefined } }, "incomplete"],
    ["whose end is text", { claims: { exp: String(S + 300) } }, "incomplete"],
    ["of another type", { header: { typ: "JWT" } }, "wrong type"],
    ["of the type of access tokens", { header: { typ: "at+jwt" } }, "wrong type"],
    ["without a type", { header: { typ: undefined } }, "wrong type"],
    ["of a key nobody published", { header: { kid: "nobody" } }, "unknown key"],
    ["that names no key", { header: { kid: undefined } }, "unknown key"],
    ["that brings its key along", { header: { jwk: foreign.jwk } }, "unexpected header"],
    ["that says where its key is", { header: { jku: "https://evil.example/jwks" } }, "unexpected header"],
    ["that says where its certificate is", { header: { x5u: "https://evil.example/cert" } }, "unexpected header"],
    ["that brings a certificate along", { header: { x5c: ["MIIB"] } }, "unexpected header"],
  ])("is refused when it is %s", async (_what, changes, fault) => {
    expect(await checker().check(await signedToken(own, NOW_MS, changes))).toBe(fault);
  });

  it.each([
    ["barely out of date", { iat: S - 329, exp: S - 29 }],
    ["barely from the future", { iat: S + 29, exp: S + 300 }],
  ])("is accepted within the leeway: %s", async (_what, changes) => {
    expect(await checker().check(await signedToken(own, NOW_MS, { claims: changes }))).toBe("accepted");
  });

  it("is refused when it is shown again after its end, known or not", async () => {
    const { check, time } = checker();
    const jwt = await signedToken(own, NOW_MS);
    expect(await check(jwt)).toBe("accepted");
    time.wallMs += 329_000;
    expect(await check(jwt)).toBe("accepted");
    time.wallMs += 1_000;
    expect(await check(jwt)).toBe("expired");
    expect(await checker().check(jwt)).toBe("accepted");
  });
});

describe("a forged token", () => {
  const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const publicPem = generateKeyPairSync("ed25519").publicKey.export({ type: "spki", format: "pem" });
  const header = { alg: "EdDSA", typ: "sallyport-review+jwt", kid: own.kid };
  const secret = own.jwk.x ?? "";

  it.each<[string, string, string]>([
    ["alg none without a signature", forgedToken({ ...header, alg: "none" }, claims), "malformed"],
    ["alg none with some signature", forgedToken({ ...header, alg: "none" }, claims, () => "AAAA"), "wrong algorithm"],
    ["alg nOnE", forgedToken({ ...header, alg: "nOnE" }, claims, () => "AAAA"), "wrong algorithm"],
    [
      "HS256 with the public key's bytes",
      forgedToken({ ...header, alg: "HS256" }, claims, hmac(Buffer.from(secret, "base64url"))),
      "wrong algorithm",
    ],
    ["HS256 with the public key's text", forgedToken({ ...header, alg: "HS256" }, claims, hmac(secret)), "wrong algorithm"],
    ["HS256 with the public key's PEM", forgedToken({ ...header, alg: "HS256" }, claims, hmac(publicPem)), "wrong algorithm"],
    ["an HMAC that is called EdDSA", forgedToken(header, claims, hmac(Buffer.from(secret, "base64url"))), "bad signature"],
    [
      "RS256",
      forgedToken({ ...header, alg: "RS256" }, claims, (input) =>
        createSign("RSA-SHA256").update(input).sign(rsa.privateKey, "base64url"),
      ),
      "wrong algorithm",
    ],
    [
      "ES256",
      forgedToken({ ...header, alg: "ES256" }, claims, (input) =>
        sign("sha256", Buffer.from(input), ec.privateKey).toString("base64url"),
      ),
      "wrong algorithm",
    ],
    [
      "the fully specified name of the algorithm",
      forgedToken({ ...header, alg: "Ed25519" }, claims, () => "AAAA"),
      "wrong algorithm",
    ],
    ["a critical extension", forgedToken({ ...header, crit: ["b64"], b64: false }, claims, () => "AAAA"), "unexpected header"],
    ["claims that are no object", forgedToken(header, [], () => "A".repeat(86)), "bad signature"],
  ])("is refused: %s", async (_what, jwt, fault) => {
    expect(await checker().check(jwt)).toBe(fault);
  });

  it("is refused when another key signed it under the kid of ours", async () => {
    expect(await checker().check(await signedToken({ ...foreign, kid: own.kid }, NOW_MS))).toBe("bad signature");
  });

  it("is refused when a single character of it was changed, after the good one was accepted", async () => {
    const { check } = checker();
    const jwt = await signedToken(own, NOW_MS);
    expect(await check(jwt)).toBe("accepted");
    const [head, body = "", signature = ""] = jwt.split(".");
    expect(await check([head, body, signature.replace(/^./, (first) => (first === "A" ? "B" : "A"))].join("."))).toBe(
      "bad signature",
    );
    const other = Buffer.from(JSON.stringify({ ...claims, exp: S + 3_000 })).toString("base64url");
    expect(await check([head, other, signature].join("."))).toBe("bad signature");
  });

  it.each<[string, JWK]>([
    ["an RSA key", { ...rsa.publicKey.export({ format: "jwk" }), kid: own.kid }],
    ["a P-256 key", { ...ec.publicKey.export({ format: "jwk" }), kid: own.kid }],
    ["a shared secret", { kty: "oct", k: secret, kid: own.kid }],
    ["a key for encryption", { ...own.jwk, use: "enc" }],
    ["a key of another algorithm", { ...own.jwk, alg: "HS256" }],
    ["an X25519 key", { ...own.jwk, crv: "X25519" }],
  ])("finds no confusing key: %s under our kid is never used", async (_what, jwk) => {
    const { check } = checker(JSON.stringify({ keys: [jwk, foreign.jwk] }));
    expect(await check(await signedToken(own, NOW_MS))).toBe("unknown key");
    expect(await check(forgedToken({ ...header, alg: "HS256" }, claims, hmac(Buffer.from(secret, "base64url"))))).toBe(
      "wrong algorithm",
    );
  });
});

describe("what stands in authorization", () => {
  it.each<[string, readonly unknown[], string]>([
    ["nothing", [], "missing"],
    ["an empty value", [""], "missing"],
    ["a scheme alone", ["Bearer "], "malformed"],
    ["another scheme", ["Basic YTpi"], "malformed"],
    ["no JWT", ["Bearer abc"], "malformed"],
    ["five parts, as an encrypted token has", ["Bearer a.b.c.d.e"], "malformed"],
    ["two values", ["Bearer a.b.c", "Bearer a.b.c"], "malformed"],
    ["bytes", [Buffer.from("Bearer a.b.c")], "malformed"],
    ["a token beyond any bound", [`Bearer a.${"b".repeat(5_000)}.c`], "malformed"],
    ["a header that is no JSON", ["Bearer YQ.YQ.YQ"], "malformed"],
  ])("is refused: %s", async (_what, values, fault) => {
    expect(await checker().tokens.check(values)).toEqual({ ok: false, error: fault });
  });
});

describe("rotation", () => {
  it("accepts tokens of both keys while two are published, and of a removed one no more", async () => {
    const next = await testKey();
    let text = jwksText(own);
    const { check, time } = checker(() => text);
    const [old, young] = [await signedToken(own, NOW_MS), await signedToken(next, NOW_MS)];
    expect(await check(old)).toBe("accepted");
    text = jwksText(own, next);
    time.nowMs += 2_000;
    expect([await check(young), await check(old)]).toEqual(["accepted", "accepted"]);
    text = jwksText(next);
    time.nowMs += 61_000;
    // this call has the keys read again
    await check(young);
    await expect.poll(() => check(old)).toBe("unknown key");
    expect(await check(young)).toBe("accepted");
  });

  it("keeps a bounded number of tokens in mind", async () => {
    const { check } = checker();
    const first = await signedToken(own, NOW_MS);
    for (let index = 0; index < 200; index += 1) expect(await check(await signedToken(own, NOW_MS))).toBe("accepted");
    expect(await check(first)).toBe("accepted");
  });

  it("refuses everything while there are no keys", async () => {
    const { check } = checker(() => {
      throw new Error("nobody is there");
    });
    expect(await check(await signedToken(own, NOW_MS))).toBe("keys unavailable");
  });
});
