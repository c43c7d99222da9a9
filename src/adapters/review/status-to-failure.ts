import type { InvalidReason, ReviewFailure } from "../../model/review-failure.ts";

/** The status codes of gRPC that mean something to us. */
export const STATUS = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  DEADLINE_EXCEEDED: 4,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  UNAUTHENTICATED: 16,
} as const satisfies Record<string, number>;

/** How a call ended that gave no message: a gRPC status, the peer's or the client library's own. */
export interface CallStatus {
  /** 1 to 16 by the standard; a peer can send anything. */
  readonly code: number;
  readonly details: string;
  /**
   * What our own client knows, and the library says by its words only: a message above our limit; a call the peer cannot have seen, may
   * have seen, or could not be sent for want of a connection. Absent: the peer's status, or the library's.
   */
  readonly cause?: "own-limit" | "unseen" | "lost" | "unreachable";
}

/** A status as the library gives it. It passes on errors that are no status, such as a frame it cannot unpack, as one without code and details. */
export function readStatus({ code, details }: { readonly code: unknown; readonly details: unknown }): CallStatus {
  return {
    code: typeof code === "number" ? code : STATUS.INTERNAL,
    details: typeof details === "string" ? details : "the answer could not be read",
  };
}

/**
 * The review failure a status stands for (C15): total, for every code and for what is none. `receiveLimitBytes` is the channel's own
 * limit, by which the library's RESOURCE_EXHAUSTED is told from the peer's: both say the same words, but hardly the same number.
 */
export function statusToFailure({ code, details, cause }: CallStatus, receiveLimitBytes: number): ReviewFailure {
  const message = `gRPC status ${code}: ${withoutNote(details).slice(0, MAX_DETAIL_CHARS) || "no details"}`;
  if (code === STATUS.RESOURCE_EXHAUSTED && (cause === "own-limit" || isOwnLimit(details, receiveLimitBytes)))
    return { kind: "invalid", reason: "too_large", message };
  if (code === STATUS.INTERNAL && isLostConnection(details)) return { kind: "unavailable", message };
  const outcome = OUTCOMES.get(code) ?? CONTRACT;
  return { ...outcome, message };
}

/** Details come from the peer and go into the log. */
const MAX_DETAIL_CHARS = 500;

// the library ends what kept it from connecting with a note on its own name resolution, empty as a rule
const withoutNote = (details: string): string => details.replace(/\.? Resolution note: .*$/s, "");

const UNAVAILABLE = { kind: "unavailable" } as const;
const CONTRACT: { readonly kind: "invalid"; readonly reason: InvalidReason } = { kind: "invalid", reason: "contract" };

/** Every code that is not an invalid answer. A refusal of our call is never a denial of the request. */
const OUTCOMES: ReadonlyMap<number, Pick<ReviewFailure, "kind" | "reason">> = new Map<
  number,
  Pick<ReviewFailure, "kind" | "reason">
>([
  [STATUS.CANCELLED, UNAVAILABLE],
  [STATUS.DEADLINE_EXCEEDED, { kind: "timeout" }],
  [STATUS.PERMISSION_DENIED, UNAVAILABLE],
  [STATUS.RESOURCE_EXHAUSTED, { kind: "overloaded" }],
  [STATUS.FAILED_PRECONDITION, UNAVAILABLE],
  [STATUS.UNAVAILABLE, UNAVAILABLE],
  [STATUS.UNAUTHENTICATED, UNAVAILABLE],
]);

function isOwnLimit(details: string, receiveLimitBytes: number): boolean {
  const isReceived = details.startsWith("Received message larger than max (") && details.endsWith(` vs ${receiveLimitBytes})`);
  return isReceived || details === `Received message that decompresses to a size larger than ${receiveLimitBytes}`;
}

/** The library calls some ends of a connection INTERNAL. */
const isLostConnection = (details: string): boolean =>
  details.startsWith(NOT_STARTED) || details.includes("triggered by internal client error");

const NOT_STARTED = "Failed to start HTTP/2 stream";

/**
 * Whether the service cannot have seen the call, so that it may be sent again (C6): the stream was refused (REFUSED_STREAM, or above the
 * last stream of a GOAWAY), or never began. The library tells by its words only; a service that says them itself is sent one more call.
 */
export function isUnseen({ code, details, cause }: CallStatus): boolean {
  if (cause !== undefined) return cause === "unseen";
  if (code === STATUS.INTERNAL) return details.startsWith(NOT_STARTED);
  return (
    code === STATUS.UNAVAILABLE && (details === "Stream refused by server" || details === "Channel closed before call started")
  );
}

/** Whether the connection went away under a call: what an idempotent binding is asked again after. Where none can be had, a second try is vain. */
export function isConnectionLost({ code, details, cause }: CallStatus): boolean {
  if (cause !== undefined) return cause === "lost";
  return code === STATUS.UNAVAILABLE && !isNotConnected({ code, details });
}

/** Whether the call was not sent because nobody could be connected to. */
export const isNotConnected = ({ code, details, cause }: CallStatus): boolean =>
  cause === undefined ? code === STATUS.UNAVAILABLE && details.startsWith("No connection established") : cause === "unreachable";
