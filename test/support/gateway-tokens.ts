import { generateKeyPair as generate, createHmac, randomUUID } from "node:crypto";
import { promisify } from "node:util";
import { calculateJwkThumbprint, exportJWK, type JWK, SignJWT } from "jose";

/** What a test's gateway is called, and for whom its tokens are. */
export const ISSUER = "urn:sallyport:test";
export const AUDIENCE = "urn:sallyport:interceptor:sample";

/** A key pair of a test, and the public half as a JWKS shows it. */
export interface TestKey {
  readonly kid: string;
  readonly jwk: JWK;
  readonly privateKey: CryptoKey;
}

/** A fresh Ed25519 key. */
export async function testKey(): Promise<TestKey> {
  const pair = await promisify(generate)("ed25519");
  const jwk = await exportJWK(pair.publicKey);
  const kid = await calculateJwkThumbprint(jwk);
  const privateKey = pair.privateKey.toCryptoKey({ name: "Ed25519" }, false, ["sign"]);
  return { kid, jwk: { ...jwk, kid, use: "sig", alg: "EdDSA" }, privateKey };
}

/** The text of a JWKS. */
export const jwksText = (...keys: readonly Pick<TestKey, "jwk">[]): string =>
  JSON.stringify({ keys: keys.map(({ jwk }) => jwk) });

/** What differs from a good token; `undefined` leaves a claim or header member out. */
export interface TokenChanges {
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly header?: Readonly<Record<string, unknown>>;
}

/** A token as a gateway signs it at `nowMs`, five minutes valid, with changes. */
export function signedToken(key: TestKey, nowMs: number, { claims = {}, header = {} }: TokenChanges = {}): Promise<string> {
  const iat = Math.floor(nowMs / 1000);
  const payload = defined({ iss: ISSUER, aud: AUDIENCE, jti: randomUUID(), iat, exp: iat + 300, ...claims });
  const protectedHeader = defined({ alg: "EdDSA", typ: "sallyport-review+jwt", kid: key.kid, ...header });
  // a test may say what it likes there
  return new SignJWT(payload).setProtectedHeader(protectedHeader as { alg: string }).sign(key.privateKey);
}

/** A token put together by hand: any header, any claims, any signature. */
export function forgedToken(header: object, claims: object, sign: (input: string) => string = () => ""): string {
  const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString("base64url");
  const input = `${encode(header)}.${encode(claims)}`;
  return `${input}.${sign(input)}`;
}

/** Signs with a shared secret, as somebody does who takes a public key for one. */
export const hmac =
  (secret: string | Buffer) =>
  (input: string): string =>
    createHmac("sha256", secret).update(input).digest("base64url");

const defined = (members: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
