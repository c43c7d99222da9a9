import { isStream } from "../../../../model/byte-stream.ts";
import type { Cancel } from "../../../../model/cancel.ts";
import { connectCall } from "../../../../model/connect.ts";
import type { Response } from "../../../../model/exchange.ts";
import { GRPC_STATUS, grpcKind } from "../../../../model/grpc.ts";
import { HeaderLines } from "../../../../model/header-lines.ts";
import { err, ok, type Result } from "../../../../model/result.ts";
import type { Clock } from "../../../../ports/clock.ts";
import type { EventStreams } from "../../../../ports/event-streams.ts";
import type { Holding, Upstream, UpstreamFailure, UpstreamRequest } from "../../../../ports/upstream.ts";
import { jsonStream } from "../connect/json-stream.ts";
import { onlyGrpc } from "../grpc-upstream.ts";
import { isMetadata, jsonHeaders, MAX_MESSAGE_BYTES, messageJson, type AnswerTerms } from "./answer-json.ts";
import type { Api } from "./api.ts";
import { eventStream, nothingMore } from "./event-stream.ts";
import { EventText } from "./event-text.ts";
import { askedCall, readCall } from "./read-call.ts";
import { connectJson, httpStatusOf, statusJson, statusOf, type CallStatus } from "./status-answer.ts";
import { streamedJson } from "./streamed-json.ts";
import { idsIn, ToldErrors, type ErrorTerms } from "./told-errors.ts";
import { NO_ROOM } from "./message-frames.ts";
import { wholeCall, type WholeCall } from "./whole-call.ts";

/** What transcoding for one route needs beside its services. */
export interface TranscodingTerms extends ErrorTerms {
  /** Streams are server-sent events whatever the client accepts. */
  readonly alwaysEvents: boolean;
  readonly clock: Clock;
  readonly streams: Pick<EventStreams, "enter">;
}

/**
 * A gRPC upstream that takes HTTP and JSON: the request becomes the call its method and path stand for, the answer protobuf-JSON. Connect is
 * taken too, its messages in JSON by the schema. What is gRPC already goes through as it is. Interceptors have seen, and patched, the JSON; what the schema does
 * not have is refused here, by name.
 */
export function transcodingUpstream(upstream: Upstream, api: Api, terms: TranscodingTerms): Upstream {
  const holding: Holding = { maxBytes: MAX_MESSAGE_BYTES, reserve: () => upstream.reserve?.() ?? ok(() => {}) };
  return {
    async send(request, cancel) {
      const stream = streamOf(request);
      if (stream === "json") return sendJsonStream(request, { upstream, api, cancel });
      if (stream !== undefined || isGrpc(request)) return upstream.send(request, cancel);
      const asked = askedCall(request, api, terms.alwaysEvents);
      if (!asked.ok) {
        if (isStream(request.body)) request.body.discard();
        return asked;
      }
      const read = readCall(request, asked.value, api);
      if (!read.ok) return read;
      const { call, form, events } = read.value;
      const { room } = request;
      const answered: AnswerTerms = { call, api, form, room };
      const answerOf = (status: CallStatus, own = HeaderLines.EMPTY): Response =>
        statusAnswer(own, { status, trailers: HeaderLines.EMPTY }, answered);
      const errors = new ToldErrors(terms, idsIn(request.headers), answerOf);
      const told = events && {
        ...events,
        ...terms,
        room,
        errors,
        text: new EventText(events.rule, answered, events.resumedFrom),
      };
      // what cannot be gone on with has been seen from its beginning to its end
      if (told?.sawEnd === true && told.rule.resume === undefined) return ok(nothingMore(HeaderLines.EMPTY, told));
      const answer = await upstream.send(read.value.request, cancel);
      if (!answer.ok) return answer;
      const response = onlyGrpc(answer.value);
      if (!response.ok) return response;
      return told === undefined
        ? toHttp(response.value, answered, errors)
        : eventStream(response.value, told, (status) => answerOf(status, response.value.headers));
    },
    holds(request) {
      if (streamOf(request) !== undefined || isGrpc(request)) return undefined;
      return askedCall(request, api, terms.alwaysEvents).ok ? holding : undefined;
    },
    [Symbol.asyncDispose]: () => upstream[Symbol.asyncDispose](),
  };
}

const isGrpc = ({ method, headers }: UpstreamRequest): boolean => grpcKind(method, headers.first("content-type")) !== undefined;

/** What the messages of a stream of Connect are made of; undefined: it is none. */
function streamOf({ method, headers }: UpstreamRequest): string | undefined {
  const call = connectCall({ method, headers });
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

async function toHttp(response: Response, terms: AnswerTerms, errors: ToldErrors): Promise<Result<Response, UpstreamFailure>> {
  const { headers, body } = response;
  const early = statusOf((name) => headers.first(name));
  const isStreamed = terms.call.method.methodKind === "server_streaming";
  if (early !== undefined && body === undefined && (early.code !== GRPC_STATUS.OK || !isStreamed))
    return early.code === GRPC_STATUS.OK
      ? err(NO_MESSAGE)
      : ok(statusAnswer(headers, { status: early, trailers: headers }, terms));
  if (isStreamed) return body === undefined && early === undefined ? err(NO_STATUS) : ok(streamedJson(response, terms, errors));
  const whole = await wholeCall(body, { maxBytes: MAX_MESSAGE_BYTES, room: terms.room });
  if (!whole.ok) return whole;
  return whole.value.status.code === GRPC_STATUS.OK
    ? unaryAnswer(response, whole.value, terms)
    : ok(statusAnswer(headers, whole.value, terms));
}

const NO_MESSAGE: UpstreamFailure = {
  problem: "upstream_invalid_response",
  cause: "not one message of its type, or one with too many values",
};

const NO_STATUS: UpstreamFailure = { problem: "upstream_invalid_response", cause: "no status" };

function unaryAnswer(
  { headers }: Response,
  { message, trailers }: WholeCall,
  terms: AnswerTerms,
): Result<Response, UpstreamFailure> {
  const json = message === undefined ? undefined : messageJson(message, terms);
  if (message === undefined || json === undefined) return err(NO_MESSAGE);
  const isProto = terms.form === "connect-proto";
  const body = isProto ? message : new TextEncoder().encode(json);
  if (terms.room?.reach(body.byteLength) === false) return err(NO_ROOM);
  const own = jsonHeaders(headers, isProto ? "application/proto" : "application/json");
  return ok({
    status: 200,
    headers: terms.form === "http" ? own : withTrailers(own, trailers),
    body,
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
