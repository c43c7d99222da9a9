import type { PeerCertificate, SecureContext } from "node:tls";
import type { Response } from "../../../model/exchange.ts";
import type { Result } from "../../../model/result.ts";
import type { UpstreamFailure } from "../../../ports/upstream.ts";

/**
 * What became of an attempt that brought no response. `connect`: nothing of the request was handed to a connection, or the upstream said that
 * it did not look at it and all of it is at hand still. `broken`: the stream or its connection broke, or what came was no response. `slow`: the endpoint let its time
 * pass. `other`: cancelled, the client's own fault, or out of time as a whole; says nothing about the endpoint.
 */
export type AttemptFailureKind = "connect" | "broken" | "slow" | "other";

/** A failure, and how far the request got. */
export interface AttemptFailure extends UpstreamFailure {
  readonly kind: AttemptFailureKind;
}

/** What an attempt came to. */
export type AttemptAnswer = Result<Response, AttemptFailure>;

/** How an endpoint proves who it is, and what it is shown. */
export interface EndpointTls {
  readonly secureContext: SecureContext;
  /** Sent as SNI; empty: none is, for TLS knows no addresses there (RFC 6066 section 3). */
  readonly sni: string;
  /** Undefined where the certificate names the endpoint; else why not. */
  readonly checkServerIdentity: (host: string, certificate: PeerCertificate) => Error | undefined;
}
