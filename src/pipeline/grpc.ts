import type { ByteStream } from "../model/byte-stream.ts";
import type { ErrorFormat } from "../model/error-format.ts";
import type { Exchange, Response, TraceIds } from "../model/exchange.ts";
import type { HeaderLines } from "../model/header-lines.ts";
import { formatGrpcTimeout, GRPC_STATUS, grpcTrailers, parseGrpcTimeout, type GrpcKind } from "../model/grpc.ts";
import { grpcStatusOf, renderGrpcProblem } from "../model/grpc-problem.ts";
import { renderProblem } from "../model/problem-body.ts";
import type { ProblemCode, Refusal } from "../model/problem.ts";
import { PROBLEMS } from "../model/problem.ts";
import { ToldFailure } from "../model/told-failure.ts";
import type { UpstreamRequest } from "../ports/upstream.ts";
import { bodyTooLargeDetail, causeText, failed, refused, type StageEnd } from "./ending.ts";
import type { ExchangeRun } from "./exchange-run.ts";

/** A problem in the form its client understands: gRPC's own, or that of the route (RFC 9457 where none matched). */
export const problemAnswer = (
  refusal: Refusal,
  { requestId, correlationId }: Partial<TraceIds> & Pick<TraceIds, "requestId">,
  { kind, format }: { readonly kind: GrpcKind | undefined; readonly format: ErrorFormat | undefined },
): Response => {
  const occasion = { requestId, ...(correlationId === undefined ? {} : { correlationId }) };
  return kind === undefined ? renderProblem(refusal, occasion, format) : renderGrpcProblem(refusal, kind, occasion);
};

/** How an exchange speaks gRPC; undefined: it does not. */
export const kindOf = ({ protocol }: Exchange): GrpcKind | undefined =>
  protocol === "grpc" || protocol === "grpc-web" ? protocol : undefined;

/** When a gRPC call has to be over, by its own word; the end of the exchange where that is no time, or has passed. */
export function underDeadline(
  run: ExchangeRun,
  request: UpstreamRequest,
): { readonly request: UpstreamRequest } | { readonly end: StageEnd } {
  const lines = request.headers.lines("grpc-timeout");
  if (lines.length === 0) return { request };
  const givenMs = lines.length === 1 ? parseGrpcTimeout(lines[0] ?? "") : undefined;
  if (givenMs === undefined) return { end: refused("deadline", NO_TIME) };
  const deadlineMs = run.startedMs + givenMs;
  const leftMs = deadlineMs - run.deps.clock.nowMs();
  if (leftMs <= 0) return { end: failed("deadline", TOO_LATE) };
  return { request: { ...request, deadlineMs, headers: request.headers.with("grpc-timeout", [formatGrpcTimeout(leftMs)]) } };
}

const NO_TIME: Refusal = { problem: "bad_request", detail: "The grpc-timeout is none." };

const TOO_LATE: Refusal = { problem: "upstream_timeout", detail: "The deadline of the call passed before it could be sent on." };

/** A gRPC response's body. Where it breaks off the client is told so in a status, not by a lost stream alone. */
export function tellingGrpc(body: ByteStream, run: ExchangeRun): ByteStream {
  return {
    declaredBytes: body.declaredBytes,
    pipe: (sink) =>
      body.pipe({
        write: (chunk) => sink.write(chunk),
        end: (trailers) => sink.end(trailers),
        fail: (cause) => sink.fail(new ToldFailure(brokenTrailers(run, cause), causeText(cause))),
      }),
    discard: (cause) => body.discard(cause),
  };
}

function brokenTrailers({ overBytes }: ExchangeRun, cause: unknown): HeaderLines {
  if (overBytes !== undefined) return grpcTrailers(GRPC_STATUS.RESOURCE_EXHAUSTED, bodyTooLargeDetail(overBytes));
  const problem = problemOf(cause) ?? "upstream_invalid_response";
  // the call had begun: nothing invites a repeat, whatever it was that broke
  return grpcTrailers(grpcStatusOf({ problem, detail: "", retryable: false }), BROKEN[problem] ?? "The upstream broke off.");
}

const BROKEN: Readonly<Partial<Record<ProblemCode, string>>> = {
  upstream_timeout: "The upstream did not finish in time.",
  request_timeout: "The request did not arrive in time.",
  bad_request: "The request broke off.",
};

function problemOf(cause: unknown): ProblemCode | undefined {
  if (typeof cause !== "object" || cause === null || !("problem" in cause) || typeof cause.problem !== "string") return undefined;
  // a key of the table is one of its keys
  return Object.hasOwn(PROBLEMS, cause.problem) ? (cause.problem as ProblemCode) : undefined;
}

/** How an open gRPC stream ends that is let no further (C36). */
export const closedByGateway = (code: string): ToldFailure =>
  new ToldFailure(
    grpcTrailers(GRPC_STATUS.PERMISSION_DENIED, `Closed by the gateway: ${code}.`),
    `closed by the gateway: ${code}`,
  );
