import type { Cancel } from "../../../../model/cancel.ts";
import { connectCall } from "../../../../model/connect.ts";
import type { Response } from "../../../../model/exchange.ts";
import { grpcKind } from "../../../../model/grpc.ts";
import { HeaderLines } from "../../../../model/header-lines.ts";
import { err, ok, type Result } from "../../../../model/result.ts";
import type { Upstream, UpstreamFailure, UpstreamRequest } from "../../../../ports/upstream.ts";
import { jsonStream } from "../connect/json-stream.ts";
import { unaryGet } from "../connect/unary-get.ts";
import { onlyGrpc } from "../grpc-upstream.ts";
import { isMetadata, jsonHeaders, MAX_MESSAGE_BYTES, messageJson, type AnswerTerms } from "./answer-json.ts";
import type { Api } from "./api.ts";
import { readCall } from "./read-call.ts";
import { connectJson, httpStatusOf, statusJson, statusOf } from "./status-answer.ts";
import { streamedJson } from "./streamed-json.ts";
import { wholeCall, type WholeCall } from "./whole-call.ts";

/**
 * A gRPC upstream that takes HTTP and JSON: the request becomes the call its method and path stand for, the answer protobuf-JSON. Connect is
 * taken too, its messages in JSON by the schema. What is gRPC already goes through as it is. Interceptors have seen, and patched, the JSON; what the schema does
 * not have is refused here, by name.
 */
export function transcodingUpstream(upstream: Upstream, api: Api): Upstream {
  return {
    async send(received, cancel) {
      const request = unaryGet(received, api) ?? received;
      const stream = streamOf(request);
      if (stream === "json") return sendJsonStream(request, { upstream, api, cancel });
      if (stream !== undefined || isGrpc(request)) return upstream.send(request, cancel);
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

const isGrpc = ({ method, headers }: UpstreamRequest): boolean => grpcKind(method, headers.first("content-type")) !== undefined;

/** What the messages of a stream of Connect are made of; undefined: it is none. */
function streamOf({ method, headers }: UpstreamRequest): string | undefined {
  const call = connectCall({ method, headers, query: undefined });
  return call?.kind === "stream" ? call.codec : undefined;
}

async function sendJsonStream(
  request: UpstreamRequest,
  { upstream, api, cancel }: { readonly upstream: Upstream; readonly api: Api; readonly cancel: Cancel },
): Promise<Result<Response, UpstreamFailure>> {
  const stream = jsonStream(request, api.registry);
  if (!stream.ok) return stream;
  const answer = await upstream.send(stream.value.request, cancel);
  return answer.ok ? ok(stream.value.back(answer.value)) : answer;
}

async function toHttp(response: Response, terms: AnswerTerms): Promise<Result<Response, UpstreamFailure>> {
  const early = statusOf((name) => response.headers.first(name));
  if (early !== undefined && response.body === undefined)
    return ok(statusAnswer(response.headers, { status: early, trailers: response.headers }, terms));
  if (terms.call.method.methodKind === "server_streaming" && early === undefined) return ok(streamedJson(response, terms));
  const whole = await wholeCall(response.body, MAX_MESSAGE_BYTES);
  if (!whole.ok) return whole;
  return whole.value.status.code === 0
    ? unaryAnswer(response, whole.value, terms)
    : ok(statusAnswer(response.headers, whole.value, terms));
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

function statusAnswer(
  headers: HeaderLines,
  { status, trailers }: Pick<WholeCall, "status" | "trailers">,
  { form, api }: AnswerTerms,
): Response {
  const own = jsonHeaders(headers, "application/json");
  const answer = { status: httpStatusOf(status.code), headers: own };
  if (form === "http") return { ...answer, body: new TextEncoder().encode(statusJson(status, api.registry)) };
  const body = new TextEncoder().encode(connectJson(status));
  // where the call ended with its head, all of that is in the head already
  return { ...answer, headers: trailers === headers ? own : withTrailers(own, trailers), body, isCallError: true };
}
