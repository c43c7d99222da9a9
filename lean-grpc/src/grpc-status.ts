import { H2_ERROR } from "./frame.ts";
import type { Field } from "./hpack-table.ts";

/** The status codes of gRPC. */
export const STATUS = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  UNAUTHENTICATED: 16,
} as const;

/** How a call ended. */
export interface CallStatus {
  /** 0 to 16 by the standard; a peer can send anything. */
  readonly code: number;
  /** The peer's words, or ours. */
  readonly details: string;
  /** Where the end is not the peer's word: a message above our limit; a call the peer cannot have seen, may have seen, or could not be sent for want of a connection. */
  readonly cause?: "own-limit" | "unseen" | "lost" | "unreachable";
}

/** The status trailers carry; a call without one has an unknown end. */
export function trailerStatus(fields: readonly Field[]): CallStatus {
  const written = valueOf(fields, "grpc-status");
  if (written === undefined || !/^\d{1,9}$/.test(written))
    return { code: STATUS.UNKNOWN, details: "the call ended without a status" };
  return { code: Number(written), details: decodeMessage(valueOf(fields, "grpc-message") ?? "") };
}

/** What response headers say against reading on; undefined where they are a gRPC response. */
export function headerProblem(fields: readonly Field[]): CallStatus | undefined {
  const status = valueOf(fields, ":status") ?? "";
  const contentType = valueOf(fields, "content-type") ?? "";
  if (status !== "200")
    return {
      code: HTTP_STATUS.get(status) ?? STATUS.UNKNOWN,
      details: `HTTP status ${/^\d{3}$/.test(status) ? status : "of no sense"}`,
    };
  return isGrpcType(contentType) ? undefined : { code: STATUS.UNKNOWN, details: "an answer that is not gRPC" };
}

/** Whether a content type is gRPC's, in whatever coding; gRPC-Web is another protocol. */
export const isGrpcType = (contentType: string): boolean => /^application\/grpc(?:[+;]|$)/.test(contentType);

/** A response that is still to come: 100 and the like. */
export const isInterim = (fields: readonly Field[]): boolean => /^1\d\d$/.test(valueOf(fields, ":status") ?? "");

/** The meaning gRPC gives to a plain HTTP answer, from a proxy in between. */
const HTTP_STATUS: ReadonlyMap<string, number> = new Map([
  ["400", STATUS.INTERNAL],
  ["401", STATUS.UNAUTHENTICATED],
  ["403", STATUS.PERMISSION_DENIED],
  ["404", STATUS.UNIMPLEMENTED],
  ["429", STATUS.UNAVAILABLE],
  ["502", STATUS.UNAVAILABLE],
  ["503", STATUS.UNAVAILABLE],
  ["504", STATUS.UNAVAILABLE],
]);

/** The meaning gRPC gives to a stream the peer reset. Only a refused one cannot have been seen. */
export function resetStatus(code: number): CallStatus {
  switch (code) {
    case H2_ERROR.REFUSED_STREAM:
      return { code: STATUS.UNAVAILABLE, details: "the stream was refused", cause: "unseen" };
    case H2_ERROR.CANCEL:
      return { code: STATUS.CANCELLED, details: "the peer cancelled the call" };
    case H2_ERROR.ENHANCE_YOUR_CALM:
      return { code: STATUS.RESOURCE_EXHAUSTED, details: "the peer asks for less" };
    case H2_ERROR.INADEQUATE_SECURITY:
      return { code: STATUS.PERMISSION_DENIED, details: "the peer asks for better protection" };
    default:
      return { code: STATUS.INTERNAL, details: `the stream was reset with code ${code}` };
  }
}

/** The connection ended under a call. */
export const goneStatus = (unseen: boolean): CallStatus =>
  unseen
    ? { code: STATUS.UNAVAILABLE, details: "the connection ended before the call was seen", cause: "unseen" }
    : { code: STATUS.UNAVAILABLE, details: "the connection was lost", cause: "lost" };

const valueOf = (fields: readonly Field[], name: string): string | undefined => fields.find((field) => field[0] === name)?.[1];

/** Percent-decoded; what does not decode stays as it came. */
function decodeMessage(text: string): string {
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
