import { isStream } from "../../../model/byte-stream.ts";
import type { Response } from "../../../model/exchange.ts";
import { grpcKind, isGrpcType } from "../../../model/grpc.ts";
import { err, ok, type Result } from "../../../model/result.ts";
import type { Holding, Upstream, UpstreamFailure, UpstreamRequest } from "../../../ports/upstream.ts";
import { connectCall, type ConnectCall } from "../../../model/connect.ts";
import { fromConnectStream, toConnectStream } from "./connect/connect-stream.ts";
import { fromConnectUnary, MAX_UNARY_BYTES, toConnectUnary } from "./connect/connect-unary.ts";
import { fromGrpcWeb, toGrpcWeb, webForm } from "./grpc-web.ts";

/**
 * An upstream with nothing but gRPC on it. gRPC-Web and Connect become gRPC on their way there and back. Another request never reaches it,
 * and a response that is no gRPC (a proxy's error page, say) never leaves here: its status is told as gRPC's own clients would read it.
 */
export function grpcUpstream(upstream: Upstream): Upstream {
  // the length of a unary message of Connect comes first in gRPC, and its status last
  const holding: Holding = { maxBytes: MAX_UNARY_BYTES, reserve: () => upstream.reserve?.() ?? ok(NOTHING) };
  return {
    async send(request, cancel) {
      const translation = translationOf(request);
      if (translation === undefined) return notGrpc(request);
      const { there, back } = translation;
      if (!there.ok) return there;
      const answer = await upstream.send(there.value, cancel);
      if (!answer.ok) return answer;
      const response = onlyGrpc(answer.value);
      return response.ok && back !== undefined ? back(response.value) : response;
    },
    holds: (request) => (unaryCall(request) === undefined ? undefined : holding),
    reserve: () => upstream.reserve?.() ?? ok(NOTHING),
    [Symbol.asyncDispose]: () => upstream[Symbol.asyncDispose](),
  };
}

const NOTHING = (): void => {};

/** A call in a client's own protocol, on its way there and, where that is another one, back. */
interface Translation {
  readonly there: Result<UpstreamRequest, UpstreamFailure>;
  readonly back?: (response: Response) => Result<Response, UpstreamFailure> | Promise<Result<Response, UpstreamFailure>>;
}

/** A unary call of Connect; undefined: it is none. */
function unaryCall({ method, headers }: UpstreamRequest): ConnectCall | undefined {
  if (grpcKind(method, headers.first("content-type")) !== undefined) return undefined;
  const call = connectCall({ method, headers });
  return call?.kind === "unary" ? call : undefined;
}

/** Undefined: it is no call. */
function translationOf(request: UpstreamRequest): Translation | undefined {
  const { method, headers } = request;
  const contentType = headers.first("content-type");
  const kind = grpcKind(method, contentType);
  if (kind === "grpc") return { there: ok(request) };
  if (kind === "grpc-web") {
    const form = webForm(contentType);
    return { there: ok(fromGrpcWeb(request, form)), back: (response) => ok(toGrpcWeb(response, form)) };
  }
  const connect = connectCall({ method, headers });
  if (connect === undefined) return undefined;
  const { codec } = connect;
  if (connect.kind === "unary")
    return {
      there: fromConnectUnary(request, codec),
      back: (response) => toConnectUnary(response, { codec, room: request.room }),
    };
  const stream = fromConnectStream(request, codec);
  if (!stream.ok && isStream(request.body)) request.body.discard();
  return { there: stream, back: (response) => ok(toConnectStream(response, codec)) };
}

function notGrpc({ body, upgrade }: UpstreamRequest): Result<never, UpstreamFailure> {
  if (isStream(body)) body.discard();
  if (upgrade !== undefined) return err({ problem: "upgrade_unsupported", cause: "a WebSocket to an upstream of gRPC" });
  return err({ problem: "body_unsupported", cause: "the request is no gRPC" });
}

/** The response where it is gRPC. */
export function onlyGrpc(response: Response): Result<Response, UpstreamFailure> {
  const { status, headers, body } = response;
  if (status === 200 && isGrpcType(headers.first("content-type"))) return ok(response);
  if (isStream(body)) body.discard();
  const problem = ASK_AGAIN.has(status) ? "upstream_unreachable" : "upstream_invalid_response";
  return err({ problem, cause: `no gRPC: status ${status}` });
}

/** What a proxy in between says that could not reach the service: gRPC's clients read UNAVAILABLE. */
const ASK_AGAIN: ReadonlySet<number> = new Set([429, 502, 503, 504]);
