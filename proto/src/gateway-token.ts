/** Header `typ` of the token a gateway shows interceptors (RFC.md §9): no other JWT of anybody is one (RFC 8725 section 3.11). */
export const TOKEN_TYPE = "sallyport-review+jwt";

/** The only algorithm of these tokens: Ed25519 (RFC 8037). */
export const TOKEN_ALGORITHM = "EdDSA";

/** Longest life of a token, milliseconds. */
export const MAX_TOKEN_LIFETIME_MS = 15 * 60_000;

/** How far the clocks of gateway and interceptor may be apart, milliseconds (C38). */
export const TOKEN_LEEWAY_MS = 30_000;

/** `iss` of a gateway's tokens, by its id. */
export const issuerOf = (gatewayId: string): string => `urn:sallyport:${gatewayId}`;

/** `aud` of tokens for an interceptor whose operator chose no other, by the operator's name for it. */
export const defaultAudience = (interceptor: string): string => `urn:sallyport:interceptor:${interceptor}`;
