import { randomUUID } from "node:crypto";
import { TOKEN_LEEWAY_MS } from "@sallyport/contract/gateway-token.ts";
import type { Clock } from "../../ports/clock.ts";
import type { JwkSet } from "../../ports/jwk-set.ts";
import { JWKS_MAX_AGE_S } from "../../ports/jwk-set.ts";
import type { Log } from "../../ports/log.ts";
import { KeyRing } from "./key-ring.ts";
import { mintToken, type MintedToken } from "./mint-token.ts";
import { generateSigningKey, type SigningKey } from "./signing-key.ts";
import { TokenSlot } from "./token-slot.ts";

/** Where the signing keys come from. */
export type KeySource =
  /** Made in this process, and made anew every day: for a single gateway. */
  | { readonly kind: "generated" }
  /** The operator's: the first signs, the others are only published. */
  | { readonly kind: "files"; readonly keys: readonly SigningKey[] };

/** What a gateway is to its interceptors. */
export interface IdentityConfig {
  /** `urn:sallyport:<gateway id>`. */
  readonly issuer: string;
  readonly keys: KeySource;
  readonly tokenLifetimeMs: number;
  /** How long a new key is published before it signs. Default: twice what the JWKS may be kept for. */
  readonly publishAheadMs?: number;
}

const PUBLISH_AHEAD_MS = 2 * JWKS_MAX_AGE_S * 1000;

/** How long a generated key signs. */
const GENERATED_KEY_MS = 24 * 3_600_000;

/** Makes the gateway's identity; keys from files were read and checked before (`readSigningKeys`). */
export async function gatewayIdentity(
  config: IdentityConfig,
  deps: { readonly clock: Clock; readonly log: Log },
): Promise<GatewayIdentity> {
  return new GatewayIdentity(config, deps, await keysOf(config.keys));
}

/** Signs what the gateway shows to interceptors, and publishes by which keys that is known (C38). Disposing it stops the making of keys. */
export class GatewayIdentity implements Disposable {
  readonly #config: IdentityConfig;
  readonly #deps: { readonly clock: Clock; readonly log: Log };
  readonly #ring: KeyRing<SigningKey>;
  #source: KeySource["kind"];
  /** Kids of the keys that were asked for last. */
  #listed: readonly string[] = [];
  #turn = 0;
  #stopTimer = (): void => {};

  constructor(
    config: IdentityConfig,
    deps: { readonly clock: Clock; readonly log: Log },
    keys: readonly [SigningKey, ...SigningKey[]],
  ) {
    this.#config = config;
    this.#deps = deps;
    const { publishAheadMs = PUBLISH_AHEAD_MS } = config;
    const times = { publishAheadMs, tokenAcceptedMs: config.tokenLifetimeMs + TOKEN_LEEWAY_MS };
    this.#ring = new KeyRing(keys, deps.clock.wallMs(), times);
    this.#source = config.keys.kind;
    this.#plan(config.keys.kind, keys);
  }

  /** A slot that is never empty from its first filling on; the caller disposes it. */
  credential(audience: string): TokenSlot {
    const { clock, log } = this.#deps;
    return new TokenSlot({ audience, mint: () => this.mint(audience), clock, log });
  }

  /** A fresh token for one audience, signed with the key of this moment. */
  mint(audience: string): Promise<MintedToken> {
    const { issuer, tokenLifetimeMs: lifetimeMs } = this.#config;
    const nowMs = this.#deps.clock.wallMs();
    return mintToken(this.#ring.signer(nowMs), { issuer, audience, jti: randomUUID(), nowMs, lifetimeMs });
  }

  /**
   * Moves to other keys with overlap: the new one is published first, the old one until its last token is out of date. Generated keys
   * stay what they are when they are asked for again.
   */
  async use(source: KeySource): Promise<void> {
    if (source.kind === "generated" && this.#source === "generated") return;
    await this.#take(source);
  }

  /** What is served to whoever checks the tokens. */
  jwks(): JwkSet {
    return this.#ring.published(this.#deps.clock.wallMs());
  }

  [Symbol.dispose](): void {
    this.#turn += 1;
    this.#stopTimer();
  }

  async #take(source: KeySource): Promise<void> {
    this.#turn += 1;
    const turn = this.#turn;
    const keys = await keysOf(source);
    // whoever came later decides
    if (turn !== this.#turn) return;
    const before = this.#listed;
    this.#ring.use(keys, this.#deps.clock.wallMs());
    this.#plan(source.kind, keys);
    const kids = keys.map(({ kid }) => kid);
    if (kids.join() !== before.join()) this.#deps.log.write("info", "signing_keys_changed", { kids });
  }

  #plan(kind: KeySource["kind"], keys: readonly SigningKey[]): void {
    this.#source = kind;
    this.#listed = keys.map(({ kid }) => kid);
    this.#stopTimer();
    this.#stopTimer = kind === "files" ? () => {} : this.#deps.clock.after(GENERATED_KEY_MS, () => void this.#replace());
  }

  async #replace(): Promise<void> {
    try {
      await this.#take({ kind: "generated" });
    } catch (error) {
      this.#deps.log.write("error", "signing_key_not_made", { reason: error instanceof Error ? error.message : "unknown error" });
      // the key in use goes on
      this.#stopTimer = this.#deps.clock.after(GENERATED_KEY_MS, () => void this.#replace());
    }
  }
}

async function keysOf(source: KeySource): Promise<readonly [SigningKey, ...SigningKey[]]> {
  if (source.kind === "generated") return [await generateSigningKey()];
  const [first, ...others] = source.keys;
  if (first === undefined) throw new Error("signing keys from files were expected, and there are none");
  return [first, ...others];
}
