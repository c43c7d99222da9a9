import { isStream } from "../../../model/byte-stream.ts";
import type { Response } from "../../../model/exchange.ts";
import { grpcKind, isGrpcType } from "../../../model/grpc.ts";
import { err, ok, type Result } from "../../../model/result.ts";
import type { Upstream, UpstreamFailure, UpstreamRequest } from "../../../ports/upstream.ts";
import { fromGrpcWeb, toGrpcWeb, webForm } from "./grpc-web.ts";

/**
 * An upstream with nothing but gRPC on it. gRPC-Web becomes gRPC on its way there and back. Another request never reaches it, and a response
 * that is no gRPC (a proxy's error page, say) never leaves here: its status is told as gRPC's own clients would read it.
 */
export function grpcUpstream(upstream: Upstream): Upstream {
  return {
    async send(request, cancel) {
      const contentType = request.headers.first("content-type");
      const kind = grpcKind(request.method, contentType);
      if (kind === undefined) return notGrpc(request);
      const form = kind === "grpc" ? undefined : webForm(contentType);
      const answer = await upstream.send(form === undefined ? request : fromGrpcWeb(request, form), cancel);
      if (!answer.ok) return answer;
      const response = onlyGrpc(answer.value);
      return response.ok && form !== undefined ? ok(toGrpcWeb(response.value, form)) : response;
    },
    reserve: () => upstream.reserve?.() ?? ok(NOTHING),
    [Symbol.asyncDispose]: () => upstream[Symbol.asyncDispose](),
  };
}

const NOTHING = (): void => {};

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
