import { status } from "@grpc/grpc-js";
import type { InvalidReason, ReviewFailure } from "../../model/review-failure.ts";

/** How a call ended that gave no message: a gRPC status, the peer's or the client library's own. */
export interface CallStatus {
  /** 1 to 16 by the standard; a peer can send anything. */
  readonly code: number;
  readonly details: string;
}

/**
 * The review failure a status stands for (C15): total, for every code and for what is none. `receiveLimitBytes` is the channel's own
 * limit, by which the library's RESOURCE_EXHAUSTED is told from the peer's: both say the same words, but hardly the same number.
 */
export function statusToFailure({ code, details }: CallStatus, receiveLimitBytes: number): ReviewFailure {
  const message = `status ${code}${code in status ? ` ${status[code]}` : ""}: ${details.slice(0, MAX_DETAIL_CHARS) || "no details"}`;
  if (code === status.RESOURCE_EXHAUSTED && isOwnLimit(details, receiveLimitBytes)) return { kind: "invalid", reason: "too_large", message };
  if (code === status.INTERNAL && isLostConnection(details)) return { kind: "unavailable", message };
  const outcome = OUTCOMES.get(code) ?? CONTRACT;
  return { ...outcome, message };
}

/** Details come from the peer and go into the log. */
const MAX_DETAIL_CHARS = 500;

const UNAVAILABLE = { kind: "unavailable" } as const;
const CONTRACT: { readonly kind: "invalid"; readonly reason: InvalidReason } = { kind: "invalid", reason: "contract" };

/** Every code that is not an invalid answer. A refusal of our call is never a denial of the request. */
const OUTCOMES: ReadonlyMap<number, Pick<ReviewFailure, "kind" | "reason">> = new Map<number, Pick<ReviewFailure, "kind" | "reason">>([
  [status.CANCELLED, UNAVAILABLE],
  [status.DEADLINE_EXCEEDED, { kind: "timeout" }],
  [status.PERMISSION_DENIED, UNAVAILABLE],
  [status.RESOURCE_EXHAUSTED, { kind: "overloaded" }],
  [status.FAILED_PRECONDITION, UNAVAILABLE],
  [status.UNAVAILABLE, UNAVAILABLE],
  [status.UNAUTHENTICATED, UNAVAILABLE],
]);

function isOwnLimit(details: string, receiveLimitBytes: number): boolean {
  const isReceived = details.startsWith("Received message larger than max (") && details.endsWith(` vs ${receiveLimitBytes})`);
  return isReceived || details === `Received message that decompresses to a size larger than ${receiveLimitBytes}`;
}

/** The library calls some ends of a connection INTERNAL. */
const isLostConnection = (details: string): boolean => details.startsWith(NOT_STARTED) || details.includes("triggered by internal client error");

const NOT_STARTED = "Failed to start HTTP/2 stream";

/**
 * Whether the service cannot have seen the call, so that it may be sent again (C6): the stream was refused (REFUSED_STREAM, or above the
 * last stream of a GOAWAY), or never began. The library tells by its words only; a service that says them itself is sent one more call.
 */
export function isUnseen({ code, details }: CallStatus): boolean {
  if (code === status.INTERNAL) return details.startsWith(NOT_STARTED);
  return code === status.UNAVAILABLE && (details === "Stream refused by server" || details === "Channel closed before call started");
}

/** Whether the connection went away under a call: what an idempotent binding is asked again after. Where none can be had, a second try is vain. */
export function isConnectionLost({ code, details }: CallStatus): boolean {
  return code === status.UNAVAILABLE && !details.startsWith("No connection established");
}
