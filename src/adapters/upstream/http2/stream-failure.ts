import { H2_ERROR } from "@sallyport/lean-grpc/frame.ts";
import type { UpstreamFailure } from "../../../ports/upstream.ts";

/** What it means for the exchange that the upstream reset its stream. Only a refused one was certainly not acted on (RFC 9113 section 8.7). */
export function resetFailure(code: number): UpstreamFailure {
  const cause = `the upstream reset the stream with code ${code}`;
  if (code === H2_ERROR.REFUSED_STREAM) return { problem: "upstream_unreachable", cause };
  return { problem: code === H2_ERROR.ENHANCE_YOUR_CALM ? "upstream_overloaded" : "upstream_invalid_response", cause };
}

/** The same where the connection ended under it. */
export const goneFailure = (unseen: boolean, reason: string): UpstreamFailure => ({
  problem: unseen ? "upstream_unreachable" : "upstream_invalid_response",
  cause: reason,
});
