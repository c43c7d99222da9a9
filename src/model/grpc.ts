import { HeaderLines } from "./header-lines.ts";

/** How a request speaks gRPC, by its content type (C26); undefined: it does not. */
export type GrpcKind = "grpc" | "grpc-web";

/** Told from the method and the content type alone: an interceptor must not be able to miss it, nor a client to hide it. */
export function grpcKind(method: string, contentType: string | undefined): GrpcKind | undefined {
  if (method !== "POST" || contentType === undefined) return undefined;
  const [, suffix] = GRPC_TYPE.exec(contentType) ?? [];
  if (suffix === undefined) return undefined;
  return suffix === "" ? "grpc" : "grpc-web";
}

/** Whether a content type is that of gRPC proper, whatever the messages are made of. */
export const isGrpcType = (contentType: string | undefined): boolean => grpcKind("POST", contentType) === "grpc";

const GRPC_TYPE = /^application\/grpc(|-web|-web-text)(?:$|[+;\t ])/i;

/** Status codes of gRPC, by name. */
export const GRPC_STATUS = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const;

/** The fields a gRPC call ends with. The message is percent-encoded as gRPC wants it: UTF-8, everything but visible ASCII and space. */
export const grpcTrailers = (status: number, message: string): HeaderLines =>
  HeaderLines.of(["grpc-status", String(status)], ["grpc-message", encodeGrpcMessage(message)]);

/** A status message as it stands in its field. */
export function encodeGrpcMessage(message: string): string {
  let text = "";
  for (const byte of new TextEncoder().encode(message)) {
    const isPlain = byte >= 0x20 && byte <= 0x7e && byte !== 0x25;
    text += isPlain ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  // a field's value has no white space at its ends
  return text.replace(/^ /, "%20").replace(/ $/, "%20");
}

/** The time a `grpc-timeout` gives, milliseconds; undefined where it is none. */
export function parseGrpcTimeout(text: string): number | undefined {
  const [, digits, unit] = /^([0-9]{1,8})([HMSmun])$/.exec(text) ?? [];
  if (digits === undefined || unit === undefined) return undefined;
  return Number(digits) * (UNIT_MS[unit] ?? 0);
}

/** The same the other way, rounded down to whole units: what is passed on is never more than what is left. */
export function formatGrpcTimeout(ms: number): string {
  const left = Math.max(0, ms);
  if (left < 100) return `${Math.floor(left * 1000)}u`;
  if (left < 100_000_000) return `${Math.floor(left)}m`;
  return left < 100_000_000_000 ? `${Math.floor(left / 1000)}S` : `${Math.min(99_999_999, Math.floor(left / 3_600_000))}H`;
}

const UNIT_MS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 };
