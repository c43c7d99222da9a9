import { importJWK } from "jose";
import type { Log } from "./log.ts";
import type { ReadJwks } from "./read-jwks.ts";

/** A public key that was found; why there is none otherwise. */
export type FoundKey = CryptoKey | "unknown" | "unavailable";

/** What keys are read with. */
export interface GatewayKeysDeps {
  readonly read: ReadJwks;
  readonly log: Log;
  /** Monotonic, milliseconds. */
  readonly nowMs: () => number;
}

/** How long things hold, milliseconds. */
const AGE_MS = {
  /** Older keys are used while they are read again. */
  fresh: 60_000,
  /** Older keys are not used: one that was taken out must come to its end, also where reading fails. */
  usable: 15 * 60_000,
  /** Least time between two readings, however many unknown kids come by. */
  cooldown: 1_000,
} as const;

const MAX_KEYS = 32;
const MAX_KID_LENGTH = 128;

/** The public keys of one gateway, read from its JWKS and kept for a while. Only Ed25519 keys with a kid count; a private half is never read. */
export class GatewayKeys {
  readonly #deps: GatewayKeysDeps;
  #keys: ReadonlyMap<string, CryptoKey> = new Map();
  #readAtMs = Number.NEGATIVE_INFINITY;
  #triedAtMs = Number.NEGATIVE_INFINITY;
  #reading: Promise<void> | undefined;
  #failures = 0;

  constructor(deps: GatewayKeysDeps) {
    this.#deps = deps;
  }

  /** Readings that failed. */
  get failures(): number {
    return this.#failures;
  }

  /** Whether a key is among those that may be used now. Has them read again when they have aged. */
  has(kid: string): boolean {
    if (this.#ageMs > AGE_MS.fresh) void this.#read();
    return this.#isUsable && this.#keys.has(kid);
  }

  /** Never rejects. Waits for a reading where the key is not known, at most once for each cooldown. */
  async find(kid: string): Promise<FoundKey> {
    if (this.has(kid)) return this.#keys.get(kid) ?? "unknown";
    await this.#read();
    return this.#isUsable ? (this.#keys.get(kid) ?? "unknown") : "unavailable";
  }

  get #ageMs(): number {
    return this.#deps.nowMs() - this.#readAtMs;
  }

  get #isUsable(): boolean {
    return this.#ageMs <= AGE_MS.usable;
  }

  /** One reading at a time, shared by all who wait; none within the cooldown. */
  #read(): Promise<void> {
    if (this.#reading !== undefined) return this.#reading;
    if (this.#deps.nowMs() - this.#triedAtMs < AGE_MS.cooldown) return Promise.resolve();
    this.#triedAtMs = this.#deps.nowMs();
    this.#reading = this.#readOnce().finally(() => (this.#reading = undefined));
    return this.#reading;
  }

  async #readOnce(): Promise<void> {
    const startedMs = this.#deps.nowMs();
    try {
      this.#keys = await keysIn(await this.#deps.read());
      this.#readAtMs = startedMs;
    } catch (error) {
      this.#failures += 1;
      this.#deps.log({ level: "warn", message: "gateway keys not read", error });
    }
  }
}

/** Throws where the text is no JWKS with a key for us: an empty one would lock the gateway out for as long as it is kept. */
async function keysIn(text: string): Promise<ReadonlyMap<string, CryptoKey>> {
  const parsed: unknown = JSON.parse(text);
  const list = isRecord(parsed) ? parsed["keys"] : undefined;
  if (!Array.isArray(list)) throw new Error("not a JWKS: it has no list of keys");
  if (list.length > MAX_KEYS) throw new Error(`the JWKS has ${list.length} keys, more than ${MAX_KEYS}`);
  const keys = new Map<string, CryptoKey>();
  for (const jwk of list.filter(isRecord)) {
    const { kid, x } = jwk;
    if (!isForTokens(jwk) || typeof kid !== "string" || typeof x !== "string" || kid.length > MAX_KID_LENGTH) continue;
    if (keys.has(kid)) throw new Error("the JWKS has two keys of one kid");
    // the algorithm of the key is ours, whatever the set says
    const key = await importJWK({ kty: "OKP", crv: "Ed25519", x }, "EdDSA");
    if (key instanceof Uint8Array) throw new Error("the JWKS has a secret in the place of a public key");
    keys.set(kid, key);
  }
  if (keys.size === 0) throw new Error("the JWKS has no Ed25519 key with a kid");
  return keys;
}

const isForTokens = ({ kty, crv, use = "sig", alg = "EdDSA" }: Readonly<Record<string, unknown>>): boolean =>
  kty === "OKP" && crv === "Ed25519" && use === "sig" && alg === "EdDSA";

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
