import { MAX_TOKEN_LIFETIME_MS, TOKEN_ALGORITHM, TOKEN_LEEWAY_MS, TOKEN_TYPE } from "@sallyport/contract/gateway-token.ts";
import { err, ok, type Result } from "@sallyport/contract/result.ts";
import { decodeProtectedHeader, errors, type JWTPayload, jwtVerify } from "jose";
import type { GatewayKeys } from "./gateway-keys.ts";
import type { JwtProof } from "./gateway-proof.ts";

/** Why a token is no gateway's; a bounded set, fit for logs and for the caller. */
export type TokenFault =
  | "missing"
  | "malformed"
  | "wrong type"
  | "wrong algorithm"
  | "unexpected header"
  | "unknown key"
  | "keys unavailable"
  | "bad signature"
  | "wrong issuer"
  | "wrong audience"
  | "expired"
  | "not yet valid"
  | "incomplete";

/** What tokens are checked with. */
export interface GatewayTokensDeps {
  readonly keys: Pick<GatewayKeys, "has" | "find">;
  /** The wall clock, epoch milliseconds. */
  readonly wallMs: () => number;
}

/** Tokens known to be good; a gateway sends the same one for minutes. */
const MAX_KNOWN = 64;

/** Ours have less than 500 characters. */
const MAX_TOKEN_LENGTH = 4096;
const BEARER = /^bearer ([\w-]+\.[\w-]+\.[\w-]+)$/i;

const GOOD = ok(undefined);
const MISSING = err("missing" as const);
const MALFORMED = err("malformed" as const);
const EXPIRED = err("expired" as const);

interface KnownToken {
  readonly kid: string;
  readonly expiresAtMs: number;
}

/**
 * Tells whether a call comes from the gateway it is expected from, by the token in its metadata (C38). What a token says of where its
 * key is, or of how it wants to be checked, counts for nothing.
 */
export class GatewayTokens {
  readonly #proof: Pick<JwtProof, "issuer" | "audience">;
  readonly #deps: GatewayTokensDeps;
  readonly #known = new Map<string, KnownToken>();

  constructor(proof: Pick<JwtProof, "issuer" | "audience">, deps: GatewayTokensDeps) {
    this.#proof = proof;
    this.#deps = deps;
  }

  /** Checks the values of `authorization`; at once where the token is known. Never rejects. */
  check(authorization: readonly unknown[]): Result<void, TokenFault> | Promise<Result<void, TokenFault>> {
    const [value] = authorization;
    if (authorization.length === 0 || value === "") return MISSING;
    if (authorization.length !== 1 || typeof value !== "string" || value.length > MAX_TOKEN_LENGTH) return MALFORMED;
    const jwt = BEARER.exec(value)?.[1];
    if (jwt === undefined) return MALFORMED;
    const known = this.#known.get(jwt);
    if (known !== undefined && this.#deps.keys.has(known.kid)) return this.#isCurrent(known) ? GOOD : EXPIRED;
    return this.#learned(jwt);
  }

  async #learned(jwt: string): Promise<Result<void, TokenFault>> {
    const checked = await this.#verify(jwt);
    if (!checked.ok) return checked;
    this.#remember(jwt, checked.value);
    return GOOD;
  }

  async #verify(jwt: string): Promise<Result<KnownToken, TokenFault>> {
    const header = headerOf(jwt);
    if (!header.ok) return header;
    const key = await this.#deps.keys.find(header.value.kid);
    if (key === "unknown") return err("unknown key");
    if (key === "unavailable") return err("keys unavailable");
    try {
      const { payload } = await jwtVerify(jwt, key, {
        ...this.#proof,
        algorithms: [TOKEN_ALGORITHM],
        typ: TOKEN_TYPE,
        clockTolerance: TOKEN_LEEWAY_MS / 1000,
        maxTokenAge: MAX_TOKEN_LIFETIME_MS / 1000,
        requiredClaims: ["exp", "jti"],
        currentDate: new Date(this.#deps.wallMs()),
      });
      return this.#accepted(payload, header.value.kid);
    } catch (error) {
      return err(faultOf(error));
    }
  }

  /** A token for several audiences could be shown to us by another of them. */
  #accepted({ aud, exp }: JWTPayload, kid: string): Result<KnownToken, TokenFault> {
    if (aud !== this.#proof.audience) return err("wrong audience");
    if (exp === undefined) return err("incomplete");
    return ok({ kid, expiresAtMs: exp * 1000 });
  }

  #isCurrent({ expiresAtMs }: KnownToken): boolean {
    return this.#deps.wallMs() < expiresAtMs + TOKEN_LEEWAY_MS;
  }

  #remember(jwt: string, token: KnownToken): void {
    for (const [other, known] of this.#known) if (!this.#isCurrent(known)) this.#known.delete(other);
    const [oldest] = this.#known.keys();
    if (this.#known.size >= MAX_KNOWN && oldest !== undefined) this.#known.delete(oldest);
    this.#known.set(jwt, token);
  }
}

/** Exactly our header, before any key is looked for: `alg`, `typ` and `kid`, and no member that could bring a key along. */
function headerOf(jwt: string): Result<{ readonly kid: string }, TokenFault> {
  try {
    const { alg, typ, kid, ...others } = decodeProtectedHeader(jwt);
    if (alg !== TOKEN_ALGORITHM) return err("wrong algorithm");
    if (typ !== TOKEN_TYPE) return err("wrong type");
    if (Object.keys(others).length > 0) return err("unexpected header");
    return typeof kid === "string" && kid !== "" ? ok({ kid }) : err("unknown key");
  } catch {
    return err("malformed");
  }
}

function faultOf(error: unknown): TokenFault {
  if (error instanceof errors.JWTExpired) return "expired";
  if (error instanceof errors.JWTClaimValidationFailed) {
    return error.reason === "missing" ? "incomplete" : (CLAIM_FAULTS[error.claim] ?? "incomplete");
  }
  return error instanceof errors.JWSSignatureVerificationFailed ? "bad signature" : "malformed";
}

const CLAIM_FAULTS: Readonly<Record<string, TokenFault>> = {
  iss: "wrong issuer",
  aud: "wrong audience",
  iat: "not yet valid",
  nbf: "not yet valid",
};
