import { isStream, type ByteStream } from "../../../../model/byte-stream.ts";
import { endOfStream, type CallFault } from "../../../../model/connect.ts";
import type { Response } from "../../../../model/exchange.ts";
import { GRPC_STATUS } from "../../../../model/grpc.ts";
import { HeaderLines } from "../../../../model/header-lines.ts";
import { ok, type Result } from "../../../../model/result.ts";
import type { UpstreamFailure, UpstreamRequest } from "../../../../ports/upstream.ts";
import { statusOf } from "../transcode/status-answer.ts";
import { callFault } from "./call-fault.ts";
import { endMetadata, STREAM_FIELDS, toConnectFields, toGrpcFields } from "./connect-headers.ts";

/** A stream of Connect as a call of gRPC: an envelope of one is a message of the other, flags included, so bodies pass untouched. */
export function fromConnectStream(request: UpstreamRequest, codec: string): Result<UpstreamRequest, UpstreamFailure> {
  const fields = toGrpcFields(request.headers, codec, STREAM_FIELDS);
  return fields.ok ? ok({ ...request, headers: fields.value.headers }) : fields;
}

/** The other way: how the call ended becomes the last envelope. */
export function toConnectStream({ status, headers, body }: Response, codec: string): Response {
  const added = ["content-type", `application/connect+${codec}`];
  const coding = headers.first("grpc-encoding");
  if (coding !== undefined && coding !== "identity") added.push("connect-content-encoding", coding);
  if (isStream(body)) return { status, headers: toConnectFields(headers, added), body: withEnd(body) };
  // its head has said everything
  return { status, headers: toConnectFields(HeaderLines.EMPTY, added), body: lastEnvelope(headers) };
}

const withEnd = (body: ByteStream): ByteStream => ({
  declaredBytes: undefined,
  pipe: (sink) =>
    body.pipe({
      write: (chunk) => sink.write(chunk),
      end(trailers) {
        sink.write(lastEnvelope(trailers ?? HeaderLines.EMPTY));
        sink.end();
      },
      fail: (cause) => sink.fail(cause),
    }),
  discard: (cause) => body.discard(cause),
});

function lastEnvelope(trailers: HeaderLines): Uint8Array {
  const status = statusOf((name) => trailers.first(name));
  return endOfStream(status === undefined ? CUT_SHORT : callFault(status), endMetadata(trailers));
}

const CUT_SHORT: CallFault = { code: GRPC_STATUS.INTERNAL, message: "The upstream ended without a status." };
