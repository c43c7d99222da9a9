import { createPublicKey, generateKeyPair, type KeyObject } from "node:crypto";
import { promisify } from "node:util";
import { calculateJwkThumbprint } from "jose";
import { Secret } from "../../model/secret.ts";
import { err, ok, type Result } from "../../model/result.ts";
import type { PublicJwk } from "../../ports/jwk-set.ts";
import { parsePrivateKey } from "../certificates/private-key.ts";
import { readBounded } from "../files/read-bounded.ts";

/** An Ed25519 key that signs tokens of the gateway. The private half cannot be exported. */
export interface SigningKey {
  /** RFC 7638 thumbprint of the public half. */
  readonly kid: string;
  readonly publicJwk: PublicJwk;
  readonly privateKey: CryptoKey;
}

/** Ed25519 keys in PEM form take less than 200 bytes. */
const MAX_KEY_BYTES = 16 * 1024;

/** A fresh key that lives in this process only. */
export async function generateSigningKey(): Promise<SigningKey> {
  const { privateKey } = await promisify(generateKeyPair)("ed25519");
  return toSigningKey(privateKey);
}

/** Reads PKCS#8 PEM files, in order. Every problem, each naming its file and quoting nothing of it. */
export async function readSigningKeys(paths: readonly string[]): Promise<Result<readonly SigningKey[], readonly string[]>> {
  const keys: SigningKey[] = [];
  const problems: string[] = [];
  for (const path of paths) {
    const key = await readSigningKey(path);
    if (!key.ok) problems.push(key.error);
    else if (keys.some(({ kid }) => kid === key.value.kid)) problems.push(`${path} holds the same key as a file before it`);
    else keys.push(key.value);
  }
  return problems.length > 0 ? err(problems) : ok(keys);
}

async function readSigningKey(path: string): Promise<Result<SigningKey, string>> {
  const bytes = await readBounded(path, MAX_KEY_BYTES);
  if (!bytes.ok) return bytes;
  const key = parsePrivateKey(new Secret(bytes.value.toString("utf8")));
  if (key === "encrypted") return err(`${path} holds an encrypted private key; an unencrypted one is needed`);
  if (key === "unreadable") return err(`${path} holds no private key in PEM form`);
  if (key.asymmetricKeyType !== "ed25519") return err(`${path} holds no Ed25519 key`);
  return ok(await toSigningKey(key));
}

async function toSigningKey(key: KeyObject): Promise<SigningKey> {
  const { x = "" } = createPublicKey(key).export({ format: "jwk" });
  const kid = await calculateJwkThumbprint({ kty: "OKP", crv: "Ed25519", x });
  const privateKey = key.toCryptoKey({ name: "Ed25519" }, false, ["sign"]);
  return { kid, publicJwk: { kty: "OKP", crv: "Ed25519", x, kid, use: "sig", alg: "EdDSA" }, privateKey };
}
