import { BodyFailure } from "../../../../model/body-failure.ts";
import { isStream, type Body } from "../../../../model/byte-stream.ts";
import { connectError, type CallFault } from "../../../../model/connect.ts";
import type { Response } from "../../../../model/exchange.ts";
import { GRPC_STATUS } from "../../../../model/grpc.ts";
import { HeaderLines } from "../../../../model/header-lines.ts";
import { err, ok, type Result } from "../../../../model/result.ts";
import type { UpstreamFailure, UpstreamRequest } from "../../../../ports/upstream.ts";
import { collect } from "../../../../support/byte-streams.ts";
import { framed } from "../transcode/message-frames.ts";
import { httpStatusOf, statusOf } from "../transcode/status-answer.ts";
import { callFault } from "./call-fault.ts";
import { toConnectFields, toGrpcFields, trailerFields, UNARY_FIELDS } from "./connect-headers.ts";
import { oneMessage } from "./one-message.ts";

/** Largest message either way, bytes: what gRPC's own implementations take unless told otherwise. It is held, since its length comes first. */
export const MAX_UNARY_BYTES = 4 * 1024 * 1024;

/** A unary call of Connect as one of gRPC: its body is the one message. What is refused was given up. */
export async function fromConnectUnary(
  request: UpstreamRequest,
  codec: string,
): Promise<Result<UpstreamRequest, UpstreamFailure>> {
  const fields = toGrpcFields(request.headers, codec, UNARY_FIELDS);
  if (!fields.ok) {
    if (isStream(request.body)) request.body.discard();
    return fields;
  }
  const message = await bytesOf(request.body);
  if (!message.ok) return message;
  const body = framed(message.value);
  if (fields.value.coding !== undefined) body[0] = 1;
  return ok({ ...request, headers: fields.value.headers, body });
}

/** The other way. Its status comes behind the message, so it is read to its end before the head can be said. */
export async function toConnectUnary(response: Response, codec: string): Promise<Result<Response, UpstreamFailure>> {
  const { headers, body } = response;
  const whole = await oneMessage(body, MAX_UNARY_BYTES);
  if (!whole.ok) return whole;
  const { message, isCoded, trailers } = whole.value;
  // without a body its head has said everything
  const end = isStream(body) ? trailers : headers;
  const status = statusOf((name) => end.first(name));
  if (status === undefined) return err({ problem: "upstream_invalid_response", cause: "no status" });
  const leading = isStream(body) ? headers : HeaderLines.EMPTY;
  if (status.code !== GRPC_STATUS.OK) return ok(errorAnswer(leading, end, callFault(status)));
  const coding = headers.first("grpc-encoding");
  if (message === undefined || (isCoded && coding === undefined))
    return err({ problem: "upstream_invalid_response", cause: "no message, or in no coding" });
  const added = ["content-type", `application/${codec}`, ...trailerFields(end)];
  if (isCoded && coding !== undefined) added.push("content-encoding", coding);
  return ok({ status: 200, headers: toConnectFields(leading, added), body: message });
}

function errorAnswer(leading: HeaderLines, end: HeaderLines, fault: CallFault): Response {
  return {
    status: httpStatusOf(fault.code),
    headers: toConnectFields(leading, ["content-type", "application/json", ...trailerFields(end)]),
    body: new TextEncoder().encode(JSON.stringify(connectError(fault))),
    isCallError: true,
  };
}

async function bytesOf(body: Body): Promise<Result<Uint8Array, UpstreamFailure>> {
  if (!isStream(body)) return (body?.byteLength ?? 0) > MAX_UNARY_BYTES ? err(TOO_LARGE) : ok(body ?? new Uint8Array());
  const collected = await collect(body, { maxBytes: MAX_UNARY_BYTES });
  switch (collected.kind) {
    case "complete":
      return ok(collected.bytes);
    case "broken": {
      const isLate = collected.cause instanceof BodyFailure && collected.cause.problem === "request_timeout";
      return err({ problem: isLate ? "request_timeout" : "bad_request", cause: "the request body broke off" });
    }
    case "too-large":
    case "no-room":
      collected.rest.discard();
      return err(TOO_LARGE);
    default:
      return collected satisfies never;
  }
}

const TOO_LARGE: UpstreamFailure = {
  problem: "body_too_large",
  cause: "a message too large",
  detail: `The message is larger than the ${MAX_UNARY_BYTES} bytes a unary call may have.`,
};
