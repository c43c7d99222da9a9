import { connectError, endOfStream, type ConnectCall } from "./connect.ts";
import type { Response } from "./exchange.ts";
import { grpcStatusOf } from "./grpc-problem.ts";
import { renderProblem, type ProblemOccasion } from "./problem-body.ts";
import type { Refusal } from "./problem.ts";

/**
 * The answer a refusal becomes for a client of Connect (C16): a unary call gets the refusal's own status and an error with gRPC's code as
 * its body; a stream is answered, and ends with the same error at once. Either way the headers are those of any problem.
 */
export function renderConnectProblem(refusal: Refusal, call: ConnectCall, occasion: ProblemOccasion): Response {
  const fault = { code: grpcStatusOf(refusal), message: refusal.detail };
  const unary = renderProblem(refusal, occasion, {
    contentType: "application/json",
    render: () => JSON.stringify(connectError(fault)),
  });
  if (call.kind === "unary") return unary;
  const headers = unary.headers.with("content-type", [`application/connect+${call.codec}`]);
  return { status: 200, headers, body: endOfStream(fault) };
}
