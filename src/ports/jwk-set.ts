/** A public key of the gateway, as its JWKS shows it (RFC 8037). */
export interface PublicJwk {
  readonly kty: "OKP";
  readonly crv: "Ed25519";
  /** The public key, base64url. */
  readonly x: string;
  /** RFC 7638 thumbprint. */
  readonly kid: string;
  readonly use: "sig";
  readonly alg: "EdDSA";
}

/** The keys that may have signed a token which is still valid, or may soon sign one (RFC 7517 section 5). */
export interface JwkSet {
  readonly keys: readonly PublicJwk[];
}

/** Where the gateway serves its JWKS, and nowhere else (C38). */
export const JWKS_PATH = "/.well-known/jwks.json";

/** How long others may keep the JWKS, seconds: less than a new signing key is published before it signs. */
export const JWKS_MAX_AGE_S = 30;
