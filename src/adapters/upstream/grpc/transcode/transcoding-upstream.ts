import type { Response } from "../../../../model/exchange.ts";
import { grpcKind } from "../../../../model/grpc.ts";
import { HeaderLines } from "../../../../model/header-lines.ts";
import { err, ok, type Result } from "../../../../model/result.ts";
import type { Upstream, UpstreamFailure } from "../../../../ports/upstream.ts";
import { onlyGrpc } from "../grpc-upstream.ts";
import { isMetadata, jsonHeaders, MAX_MESSAGE_BYTES, messageJson, type AnswerTerms } from "./answer-json.ts";
import type { Api } from "./api.ts";
import { readCall } from "./read-call.ts";
import { connectJson, httpStatusOf, statusJson, statusOf, type CallStatus } from "./status-answer.ts";
import { streamedJson } from "./streamed-json.ts";
import { wholeCall, type WholeCall } from "./whole-call.ts";

/**
 * A gRPC upstream that takes HTTP and JSON: the request becomes the call its method and path stand for, the answer protobuf-JSON. Unary calls
 * of Connect are taken too. What is gRPC already goes through as it is. Interceptors have seen, and patched, the JSON; what the schema does
 * not have is refused here, by name.
 */
export function transcodingUpstream(upstream: Upstream, api: Api): Upstream {
  return {
    async send(request, cancel) {
      if (grpcKind(request.method, request.headers.first("content-type")) !== undefined) return upstream.send(request, cancel);
      const read = await readCall(request, api);
      if (!read.ok) return read;
      const { call, form } = read.value;
      const answer = await upstream.send(read.value.request, cancel);
      if (!answer.ok) return answer;
      const response = onlyGrpc(answer.value);
      if (!response.ok) return response;
      return toHttp(response.value, { call, api, form, accept: request.headers.joined("accept") ?? "" });
    },
    [Symbol.asyncDispose]: () => upstream[Symbol.asyncDispose](),
  };
}

async function toHttp(response: Response, terms: AnswerTerms): Promise<Result<Response, UpstreamFailure>> {
  const early = statusOf((name) => response.headers.first(name));
  if (early !== undefined && response.body === undefined) return ok(statusAnswer(response.headers, early, terms));
  if (terms.call.method.methodKind === "server_streaming" && early === undefined) return ok(streamedJson(response, terms));
  const whole = await wholeCall(response.body, MAX_MESSAGE_BYTES);
  if (!whole.ok) return whole;
  const { status } = whole.value;
  return status.code === 0 ? unaryAnswer(response, whole.value, terms) : ok(statusAnswer(response.headers, status, terms));
}

function unaryAnswer(
  { headers }: Response,
  { messages: [message, ...others], trailers }: WholeCall,
  terms: AnswerTerms,
): Result<Response, UpstreamFailure> {
  const json = message === undefined || others.length > 0 ? undefined : messageJson(message, terms);
  if (json === undefined) return err({ problem: "upstream_invalid_response", cause: "not one message of its type" });
  const isProto = terms.form === "connect-proto";
  const own = jsonHeaders(headers, isProto ? "application/proto" : "application/json");
  return ok({
    status: 200,
    headers: terms.form === "http" ? own : withTrailers(own, trailers),
    body: isProto ? message : new TextEncoder().encode(json),
  });
}

/** Connect has a call's trailers in the head, under names of their own. */
function withTrailers(headers: HeaderLines, trailers: HeaderLines): HeaderLines {
  const raw = [...headers.toRaw()];
  trailers.each((name, value) => {
    if (isMetadata(name)) raw.push(`trailer-${name}`, value);
  });
  return HeaderLines.fromRaw(raw);
}

const statusAnswer = (headers: HeaderLines, status: CallStatus, { form, api }: AnswerTerms): Response => ({
  status: httpStatusOf(status.code),
  headers: jsonHeaders(headers, "application/json"),
  body: new TextEncoder().encode(form === "http" ? statusJson(status, api.registry) : connectJson(status)),
});
