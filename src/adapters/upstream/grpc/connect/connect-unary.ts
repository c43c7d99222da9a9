import { isStream } from "../../../../model/byte-stream.ts";
import { connectError, type CallFault } from "../../../../model/connect.ts";
import type { Response } from "../../../../model/exchange.ts";
import { GRPC_STATUS } from "../../../../model/grpc.ts";
import { HeaderLines } from "../../../../model/header-lines.ts";
import { err, ok, type Result } from "../../../../model/result.ts";
import type { MessageRoom, UpstreamFailure, UpstreamRequest } from "../../../../ports/upstream.ts";
import { framed } from "../transcode/message-frames.ts";
import { httpStatusOf, statusOf } from "../transcode/status-answer.ts";
import { callFault } from "./call-fault.ts";
import { toConnectFields, toGrpcFields, trailerFields, UNARY_FIELDS } from "./connect-headers.ts";
import { oneMessage } from "./one-message.ts";

/** Largest message either way, bytes: what gRPC's own implementations take unless told otherwise. It is held, since its length comes first. */
export const MAX_UNARY_BYTES = 4 * 1024 * 1024;

/** A unary call of Connect as one of gRPC: its body, which is at hand, is the one message. */
export function fromConnectUnary(request: UpstreamRequest, codec: string): Result<UpstreamRequest, UpstreamFailure> {
  // whoever asks holds it first: see `Holding`
  if (isStream(request.body)) throw new Error("a call is to be made of a body that is not at hand");
  const fields = toGrpcFields(request.headers, codec, UNARY_FIELDS);
  if (!fields.ok) return fields;
  if ((request.body?.byteLength ?? 0) > MAX_UNARY_BYTES) return err(TOO_LARGE);
  const body = framed(request.body ?? new Uint8Array());
  if (fields.value.coding !== undefined) body[0] = 1;
  return ok({ ...request, headers: fields.value.headers, body });
}

/** The other way. Its status comes behind the message, so it is read to its end before the head can be said. */
export async function toConnectUnary(
  response: Response,
  { codec, room }: { readonly codec: string; readonly room: MessageRoom | undefined },
): Promise<Result<Response, UpstreamFailure>> {
  const { headers, body } = response;
  const whole = await oneMessage(body, { maxBytes: MAX_UNARY_BYTES, room });
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

const TOO_LARGE: UpstreamFailure = {
  problem: "body_too_large",
  cause: "a message too large",
  detail: `The message is larger than the ${MAX_UNARY_BYTES} bytes a unary call may have.`,
};
