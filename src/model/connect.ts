import { GRPC_STATUS } from "./grpc.ts";
import type { HeaderLines } from "./header-lines.ts";

/** How a request speaks Connect: one message each way in an ordinary exchange, or streams of messages in envelopes. */
export interface ConnectCall {
  readonly kind: "unary" | "stream";
  /** What messages are made of: `proto`, `json`, or another name. */
  readonly codec: string;
}

/** The parts of a request by which Connect is told. */
export interface ConnectMarks {
  readonly method: string;
  readonly headers: HeaderLines;
}

/**
 * Told from method, content type and the version its clients send; undefined: it is no Connect. A stream is known by its type alone, so that
 * nobody can have one shown that could last for ever. Connect's GET is not taken: whoever reviews bodies, or POST, would not see its message.
 */
export function connectCall({ method, headers }: ConnectMarks): ConnectCall | undefined {
  if (method !== "POST") return undefined;
  const [, streamed, codec] = CONNECT_TYPE.exec(headers.first("content-type") ?? "") ?? [];
  if (codec === undefined) return undefined;
  if (streamed !== undefined) return { kind: "stream", codec: codec.toLowerCase() };
  return headers.first("connect-protocol-version") === "1" ? { kind: "unary", codec: codec.toLowerCase() } : undefined;
}

const CONNECT_TYPE = /^application\/(connect\+)?([a-z0-9.-]{1,64})(?:$|[;\t ])/i;

/** Largest part of a `connect-timeout-ms` there may be. */
const TIMEOUT = /^[0-9]{1,10}$/;

/** The time a `connect-timeout-ms` gives, milliseconds; undefined where it is none. */
export const parseConnectTimeout = (text: string): number | undefined => (TIMEOUT.test(text) ? Number(text) : undefined);

/** A thing an error has to say besides its message, in the form of its own type. */
export interface ErrorDetail {
  /** Full name of the message's type. */
  readonly type: string;
  /** The message, in base64 without padding. */
  readonly value: string;
}

/** How a call failed, in numbers of gRPC. */
export interface CallFault {
  readonly code: number;
  readonly message: string;
  readonly details?: readonly ErrorDetail[];
}

/** A fault as Connect says it, in the body of a unary answer and at the end of a stream. */
export function connectError({ code, message, details = [] }: CallFault): Readonly<Record<string, unknown>> {
  return { code: CODES[code] ?? "unknown", message, ...(details.length === 0 ? {} : { details }) };
}

/** The envelope a stream ends with: its fault, if it has one, and what gRPC has as trailers. */
export function endOfStream(
  fault: CallFault | undefined,
  metadata: ReadonlyMap<string, readonly string[]> = new Map(),
): Uint8Array {
  const end = {
    ...(fault === undefined || fault.code === GRPC_STATUS.OK ? {} : { error: connectError(fault) }),
    ...(metadata.size === 0 ? {} : { metadata: Object.fromEntries(metadata) }),
  };
  const text = new TextEncoder().encode(JSON.stringify(end));
  const envelope = new Uint8Array(5 + text.byteLength);
  envelope[0] = END_STREAM;
  new DataView(envelope.buffer).setUint32(1, text.byteLength);
  envelope.set(text, 5);
  return envelope;
}

/** Flag of an envelope: no message, but the end. */
const END_STREAM = 0b10;

/** Names of gRPC's codes, from 0. */
const CODES: readonly string[] = [
  ...["ok", "canceled", "unknown", "invalid_argument", "deadline_exceeded", "not_found", "already_exists"],
  ...["permission_denied", "resource_exhausted", "failed_precondition", "aborted", "out_of_range", "unimplemented"],
  ...["internal", "unavailable", "data_loss", "unauthenticated"],
];
