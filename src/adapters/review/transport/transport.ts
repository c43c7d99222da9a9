import type { TraceIds } from "../../../model/exchange.ts";
import type { Secret } from "../../../model/secret.ts";
import type { Clock } from "../../../ports/clock.ts";
import type { Security, ReviewEndpoint } from "../endpoint.ts";
import type { ConnectionGuard } from "../guarded-credentials.ts";
import type { StreamListeners } from "../stream-call.ts";
import type { CallOutcome } from "../unary-call.ts";

/** What connects: one of these for each connection's terms, replaced whole when they change. */
export type OpenTransport = (terms: TransportTerms, events: TransportEvents) => Transport;

/** Where a transport connects, and how. */
export interface TransportTerms {
  readonly endpoint: ReviewEndpoint;
  readonly security: Security;
  /** Asked before each connection and after it; undefined: TLS, or nobody, decides. */
  readonly guard: ConnectionGuard | undefined;
  readonly userAgent: string;
  /** Messages larger than this are cut off while they arrive. */
  readonly receiveLimitBytes: number;
  readonly clock: Clock;
}

/** What happens to a transport. Nothing is told before it is made, or after it was closed. */
export interface TransportEvents {
  readonly onReady: () => void;
  readonly onLost: () => void;
  /** The peer was there and not trusted, or did not trust us. A fragment for the log. */
  readonly onRefused: (reason: string) => void;
  /** It did not connect in time: another one may. */
  readonly onStuck: () => void;
}

/** One call. */
export interface TransportRequest {
  /** Its path on the wire. */
  readonly method: string;
  readonly message: Buffer;
  /** What shows who calls (C38); undefined: nothing. */
  readonly token: Secret | undefined;
  /** Ids that follow the exchange; left out: the call belongs to none. */
  readonly trace?: Pick<TraceIds, "traceparent" | "correlationId"> | undefined;
}

/** A connection that is kept up, and calls on it. */
export interface Transport {
  /** Connected as of this moment. */
  readonly isReady: boolean;
  /** A call of one message and one answer, which may take `timeMs`. `done` is called once, never before this returns; not any more once the returned function gave it up. */
  unary(request: TransportRequest, timeMs: number, done: (outcome: CallOutcome) => void): () => void;
  /** A server-streaming call without a deadline. */
  stream(request: TransportRequest, listeners: StreamListeners): () => void;
  /** No new calls; those in flight finish, and one that waits for a connection is told that it never began. */
  close(): void;
}
