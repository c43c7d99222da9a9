import { TOKEN_ALGORITHM, TOKEN_TYPE } from "@sallyport/contract/gateway-token.ts";
import { SignJWT } from "jose";
import { Secret } from "../../model/secret.ts";
import type { SigningKey } from "./signing-key.ts";

/** A signed token and the time it lives, epoch milliseconds. */
export interface MintedToken {
  readonly jwt: Secret;
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
}

/** What a token says. */
export interface TokenClaims {
  readonly issuer: string;
  /** Exactly one. */
  readonly audience: string;
  /** Unique for each token. */
  readonly jti: string;
  /** Epoch milliseconds; tokens count whole seconds, and begin with the one that runs. */
  readonly nowMs: number;
  readonly lifetimeMs: number;
}

/** Signs a token (RFC.md §9): compact JWS, EdDSA, its key named by thumbprint. */
export async function mintToken(key: SigningKey, claims: TokenClaims): Promise<MintedToken> {
  const issuedAt = Math.floor(claims.nowMs / 1000);
  const expiresAt = issuedAt + Math.floor(claims.lifetimeMs / 1000);
  const jwt = await new SignJWT()
    .setProtectedHeader({ alg: TOKEN_ALGORITHM, typ: TOKEN_TYPE, kid: key.kid })
    .setIssuer(claims.issuer)
    .setAudience(claims.audience)
    .setJti(claims.jti)
    .setIssuedAt(issuedAt)
    .setExpirationTime(expiresAt)
    .sign(key.privateKey);
  return { jwt: new Secret(jwt), issuedAtMs: issuedAt * 1000, expiresAtMs: expiresAt * 1000 };
}
