/** How a gateway shows who it is, in words of the operator of the interceptor. */
export interface JwtProof {
  /** `urn:sallyport:<id of the gateway>`. */
  readonly issuer: string;
  /** The only `aud` accepted, exactly; `urn:sallyport:interceptor:<name>` unless the gateway's operator chose another. Goes into the manifest. */
  readonly audience: string;
  /** Where the gateway's public keys are. */
  readonly jwks: JwksSource;
}

/** A JWKS behind an `https:` URL, whose server is checked against `ca` (else the system's authorities); or in a file. Read again as it ages and for unknown keys. */
export type JwksSource =
  { readonly url: string; readonly ca?: string | Uint8Array; readonly caFile?: string } | { readonly file: string };

/** By its client certificate, by the token it sends, or by both. */
export type GatewayProof =
  { readonly identity: "mtls" } | ({ readonly identity: "jwt" } & JwtProof) | ({ readonly identity: "mtls+jwt" } & JwtProof);
