import type { ByteStream } from "../model/byte-stream.ts";
import { connectCall, endOfStream, parseConnectTimeout, type CallFault, type ConnectCall } from "../model/connect.ts";
import { renderConnectProblem } from "../model/connect-problem.ts";
import type { ErrorFormat } from "../model/error-format.ts";
import type { Exchange, Response, TraceIds } from "../model/exchange.ts";
import type { HeaderLines } from "../model/header-lines.ts";
import { formatGrpcTimeout, grpcKind, GRPC_STATUS, grpcTrailers, parseGrpcTimeout, type GrpcKind } from "../model/grpc.ts";
import { grpcStatusOf, renderGrpcProblem } from "../model/grpc-problem.ts";
import { renderProblem } from "../model/problem-body.ts";
import type { ProblemCode, Refusal } from "../model/problem.ts";
import { PROBLEMS } from "../model/problem.ts";
import type { Received } from "../model/received.ts";
import { ToldFailure } from "../model/told-failure.ts";
import type { UpstreamRequest } from "../ports/upstream.ts";
import { MessageBoundary } from "../support/message-boundary.ts";
import { bodyTooLargeDetail, causeText, failed, refused, type StageEnd } from "./ending.ts";
import type { ExchangeRun } from "./exchange-run.ts";

/** How a request speaks gRPC, or Connect, which is gRPC for clients that have HTTP alone. */
export type CallKind = GrpcKind | ConnectCall;

/** A problem in the form its client understands: gRPC's own, Connect's, or that of the route (RFC 9457 where none matched). */
export const problemAnswer = (
  refusal: Refusal,
  { requestId, correlationId }: Partial<TraceIds> & Pick<TraceIds, "requestId">,
  { kind, format }: { readonly kind: CallKind | undefined; readonly format: ErrorFormat | undefined },
): Response => {
  const occasion = { requestId, ...(correlationId === undefined ? {} : { correlationId }) };
  if (kind === undefined) return renderProblem(refusal, occasion, format);
  return typeof kind === "string" ? renderGrpcProblem(refusal, kind, occasion) : renderConnectProblem(refusal, kind, occasion);
};

/** How an exchange speaks gRPC or Connect; undefined: it does not. */
export const kindOf = ({ protocol, connect }: Exchange): CallKind | undefined =>
  protocol === "grpc" || protocol === "grpc-web" ? protocol : connect;

/** The same before there is an exchange. */
export const kindOfReceived = ({ method, headers }: Received): CallKind | undefined =>
  grpcKind(method, headers.first("content-type")) ?? connectCall({ method, headers });

/** When a call has to be over, by its own word; the end of the exchange where that is no time, or has passed. */
export function underDeadline(
  run: ExchangeRun,
  request: UpstreamRequest,
): { readonly request: UpstreamRequest } | { readonly end: StageEnd } {
  const { name, parse, format } = run.exchange.connect === undefined ? GRPC_TIMEOUT : CONNECT_TIMEOUT;
  const lines = request.headers.lines(name);
  if (lines.length === 0) return { request };
  const givenMs = lines.length === 1 ? parse(lines[0] ?? "") : undefined;
  if (givenMs === undefined) return { end: refused("deadline", { problem: "bad_request", detail: `The ${name} is none.` }) };
  const deadlineMs = run.startedMs + givenMs;
  const leftMs = deadlineMs - run.deps.clock.nowMs();
  if (leftMs <= 0) return { end: failed("deadline", TOO_LATE) };
  return { request: { ...request, deadlineMs, headers: request.headers.with(name, [format(leftMs)]) } };
}

const GRPC_TIMEOUT = { name: "grpc-timeout", parse: parseGrpcTimeout, format: formatGrpcTimeout };

const CONNECT_TIMEOUT = {
  name: "connect-timeout-ms",
  parse: parseConnectTimeout,
  // a deadline of nothing would be none for some
  format: (leftMs: number): string => String(Math.max(1, Math.floor(leftMs))),
};

const TOO_LATE: Refusal = { problem: "upstream_timeout", detail: "The deadline of the call passed before it could be sent on." };

/**
 * The body of a call's response. Where it breaks off the client is told so in a status, not by a lost stream alone: in trailers, and for
 * streams of Connect in an envelope, where one may stand.
 */
export function tellingBreak(body: ByteStream, run: ExchangeRun, kind: CallKind | undefined): ByteStream {
  if (kind === "grpc") return failingWith(body, (cause) => new ToldFailure(trailersOf(faultOf(run, cause)), causeText(cause)));
  if (typeof kind !== "object" || kind.kind !== "stream") return body;
  const boundary = new MessageBoundary();
  return failingWith(followed(body, boundary), (cause) =>
    boundary.isHere ? new ToldFailure(endOfStream(faultOf(run, cause)), causeText(cause)) : cause,
  );
}

/** The same bytes, failing with what `told` makes of a failure. */
const failingWith = (body: ByteStream, told: (cause: unknown) => unknown): ByteStream => ({
  declaredBytes: body.declaredBytes,
  pipe: (sink) =>
    body.pipe({
      write: (chunk) => sink.write(chunk),
      end: (trailers) => sink.end(trailers),
      fail: (cause) => sink.fail(told(cause)),
    }),
  discard: (cause) => body.discard(cause),
});

/** The same bytes, the boundary knowing of each. */
export const followed = (body: ByteStream, boundary: MessageBoundary): ByteStream => ({
  declaredBytes: body.declaredBytes,
  pipe: (sink) =>
    body.pipe({
      write(chunk) {
        boundary.push(chunk);
        return sink.write(chunk);
      },
      end: (trailers) => sink.end(trailers),
      fail: (cause) => sink.fail(cause),
    }),
  discard: (cause) => body.discard(cause),
});

const trailersOf = ({ code, message }: CallFault): HeaderLines => grpcTrailers(code, message);

function faultOf({ overBytes }: ExchangeRun, cause: unknown): CallFault {
  if (overBytes !== undefined) return { code: GRPC_STATUS.RESOURCE_EXHAUSTED, message: bodyTooLargeDetail(overBytes) };
  const problem = problemOf(cause) ?? "upstream_invalid_response";
  // the call had begun: nothing invites a repeat, whatever it was that broke
  return { code: grpcStatusOf({ problem, detail: "", retryable: false }), message: BROKEN[problem] ?? "The upstream broke off." };
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

/** How an open stream of gRPC or Connect ends that is let no further (C36). */
export function closedByGateway(kind: CallKind, code: string): ToldFailure {
  const fault = { code: GRPC_STATUS.PERMISSION_DENIED, message: `Closed by the gateway: ${code}.` };
  return new ToldFailure(kind === "grpc" ? trailersOf(fault) : endOfStream(fault), `closed by the gateway: ${code}`);
}
