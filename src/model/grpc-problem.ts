import type { Response } from "./exchange.ts";
import { GRPC_STATUS, grpcTrailers, type GrpcKind } from "./grpc.ts";
import { HeaderLines } from "./header-lines.ts";
import { PROBLEMS, type Refusal } from "./problem.ts";
import type { ProblemOccasion } from "./problem-body.ts";

/**
 * The answer a refusal becomes for a gRPC client (C16): trailers only, which is a head with the status and no body. `grpc-message` is the
 * detail; clients of gRPC-Web read it there as well. The refusal's own headers come along, as `x-request-id` does.
 */
export function renderGrpcProblem(refusal: Refusal, kind: GrpcKind, { requestId, correlationId }: ProblemOccasion): Response {
  const headers: string[] = ["content-type", kind === "grpc" ? "application/grpc" : "application/grpc-web+proto"];
  headers.push(...grpcTrailers(grpcStatusOf(refusal), refusal.detail).toRaw(), "x-request-id", requestId);
  if (correlationId !== undefined) headers.push("x-correlation-id", correlationId);
  for (const [name, value] of refusal.headers ?? []) if (!OURS.has(name)) headers.push(name, value);
  return { status: 200, headers: HeaderLines.fromRaw(headers), body: undefined };
}

/** What a refusal says comes to the client in words of gRPC. */
export function grpcStatusOf(refusal: Refusal): number {
  const { status, retryable, source } = PROBLEMS[refusal.problem];
  if (refusal.grpcStatus !== undefined) return refusal.grpcStatus;
  // no such path is no such method
  if (refusal.problem === "route_not_found") return GRPC_STATUS.UNIMPLEMENTED;
  const own = refusal.status ?? status;
  // nobody has acted, and asking again may help: clients repeat UNAVAILABLE alone
  if (own === 502 && source === "upstream" && (refusal.retryable ?? retryable)) return GRPC_STATUS.UNAVAILABLE;
  return BY_HTTP_STATUS[own] ?? (own >= 500 ? GRPC_STATUS.INTERNAL : GRPC_STATUS.FAILED_PRECONDITION);
}

/** C16, and what it leaves open. */
const BY_HTTP_STATUS: Readonly<Record<number, number>> = {
  400: GRPC_STATUS.INVALID_ARGUMENT,
  401: GRPC_STATUS.UNAUTHENTICATED,
  403: GRPC_STATUS.PERMISSION_DENIED,
  404: GRPC_STATUS.NOT_FOUND,
  405: GRPC_STATUS.UNIMPLEMENTED,
  408: GRPC_STATUS.DEADLINE_EXCEEDED,
  409: GRPC_STATUS.ABORTED,
  413: GRPC_STATUS.RESOURCE_EXHAUSTED,
  414: GRPC_STATUS.INVALID_ARGUMENT,
  415: GRPC_STATUS.INVALID_ARGUMENT,
  417: GRPC_STATUS.INVALID_ARGUMENT,
  429: GRPC_STATUS.RESOURCE_EXHAUSTED,
  431: GRPC_STATUS.RESOURCE_EXHAUSTED,
  499: GRPC_STATUS.CANCELLED,
  500: GRPC_STATUS.INTERNAL,
  501: GRPC_STATUS.UNIMPLEMENTED,
  502: GRPC_STATUS.INTERNAL,
  503: GRPC_STATUS.UNAVAILABLE,
  504: GRPC_STATUS.DEADLINE_EXCEEDED,
};

const OURS: ReadonlySet<string> = new Set(["content-type", "grpc-status", "grpc-message", "x-request-id", "x-correlation-id"]);
