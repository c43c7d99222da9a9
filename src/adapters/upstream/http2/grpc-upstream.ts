import { isStream } from "../../../model/byte-stream.ts";
import type { Response } from "../../../model/exchange.ts";
import { isGrpcType } from "../../../model/grpc.ts";
import { err, ok, type Result } from "../../../model/result.ts";
import type { Upstream, UpstreamFailure } from "../../../ports/upstream.ts";

/**
 * An upstream with nothing but gRPC on it. Another request never reaches it, and a response that is no gRPC (a proxy's error page, say) never
 * leaves here: its status is told as gRPC's own clients would read it.
 */
export function grpcUpstream(upstream: Upstream): Upstream {
  return {
    async send(request, cancel) {
      if (isGrpcType(request.headers.first("content-type"))) {
        const answer = await upstream.send(request, cancel);
        return answer.ok ? onlyGrpc(answer.value) : answer;
      }
      if (isStream(request.body)) request.body.discard();
      return err({ problem: "body_unsupported", cause: "the request is no gRPC" });
    },
    [Symbol.asyncDispose]: () => upstream[Symbol.asyncDispose](),
  };
}

function onlyGrpc(response: Response): Result<Response, UpstreamFailure> {
  const { status, headers, body } = response;
  if (status === 200 && isGrpcType(headers.first("content-type"))) return ok(response);
  if (isStream(body)) body.discard();
  const problem = ASK_AGAIN.has(status) ? "upstream_unreachable" : "upstream_invalid_response";
  return err({ problem, cause: `no gRPC: status ${status}` });
}

/** What a proxy in between says that could not reach the service: gRPC's clients read UNAVAILABLE. */
const ASK_AGAIN: ReadonlySet<number> = new Set([429, 502, 503, 504]);
