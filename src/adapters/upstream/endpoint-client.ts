import type { LookupFunction } from "node:net";
import type { Cancel } from "../../model/cancel.ts";
import type { Response } from "../../model/exchange.ts";
import type { Result } from "../../model/result.ts";
import type { Clock } from "../../ports/clock.ts";
import type { UpstreamFailure, UpstreamRequest } from "../../ports/upstream.ts";
import type { EndpointTls } from "./tls/endpoint-tls.ts";

/**
 * What became of an attempt that brought no response. `connect`: there was no connection, and nothing of the request was
 * handed to one. `broken`: the connection broke, or what came was no response, after something was. `slow`: the endpoint let
 * its time pass. `other`: cancelled, the client's own fault, or out of time as a whole; says nothing about the endpoint.
 */
export type AttemptFailureKind = "connect" | "broken" | "slow" | "other";

/** A failure, and how far the request got. */
export interface AttemptFailure extends UpstreamFailure {
  readonly kind: AttemptFailureKind;
}

/** What an attempt came to. */
export type AttemptAnswer = Result<Response, AttemptFailure>;

/** How long each part of a call may take, milliseconds. */
export interface UpstreamTimeouts {
  readonly connectMs: number;
  /** From the request's last byte to the response head. */
  readonly firstByteMs: number;
  /** Without a byte in either direction while one is wanted. */
  readonly idleMs: number;
  /** Undefined: none. */
  readonly totalMs: number | undefined;
}

/** One endpoint, and how it is spoken to. */
export interface EndpointAddress {
  /** Origin without a trailing slash. */
  readonly url: string;
  /** For `https`, and only there. */
  readonly tls?: EndpointTls | undefined;
}

/** Where its host is a name: what that stands for now. Followed by whoever opens the client, which only reads it. */
export interface EndpointNames {
  readonly lookup: LookupFunction;
  /** Whether connections to this address are still wanted. */
  has(address: string): boolean;
}

/** What speaks to one endpoint: its pool of connections. */
export interface EndpointClient extends AsyncDisposable {
  /** Requests sent and not yet over, response bodies included. */
  readonly underWay: number;
  /**
   * As `Upstream.send`, to this endpoint and without a ceiling of its own. `totalDueMs`: when all of it has to be over, on the
   * monotonic clock; left out, the total timeout counts from now.
   */
  send(request: UpstreamRequest, cancel: Cancel, totalDueMs?: number): Promise<AttemptAnswer>;
  /** The addresses of its name changed: connections to those that are gone end when nothing is on them. */
  addressesChanged(): void;
}

/** Opens clients for the endpoints of one upstream, which share what they can. */
export type OpenEndpoints = (
  timeouts: UpstreamTimeouts,
  deps: { readonly clock: Clock },
) => (endpoint: EndpointAddress, names?: EndpointNames) => EndpointClient;
