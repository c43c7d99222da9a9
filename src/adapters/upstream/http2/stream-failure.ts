import { H2_ERROR } from "@sallyport/lean-grpc/frame.ts";
import type { AttemptFailure } from "../endpoint-client.ts";

/** What it means for the exchange that the upstream reset its stream. Only a refused one was certainly not acted on (RFC 9113 section 8.7). `isWhole`: all of the request is at hand still. */
export function resetFailure(code: number, isWhole: boolean): AttemptFailure {
  const cause = `the upstream reset the stream with code ${code}`;
  if (code === H2_ERROR.REFUSED_STREAM) return { problem: "upstream_unreachable", cause, kind: isWhole ? "connect" : "broken" };
  const problem = code === H2_ERROR.ENHANCE_YOUR_CALM ? "upstream_overloaded" : "upstream_invalid_response";
  return { problem, cause, kind: "broken" };
}

/** The same where the connection ended under it. */
export const goneFailure = (unseen: boolean, reason: string, isWhole: boolean): AttemptFailure => ({
  problem: unseen ? "upstream_unreachable" : "upstream_invalid_response",
  cause: reason,
  kind: unseen && isWhole ? "connect" : "broken",
});
