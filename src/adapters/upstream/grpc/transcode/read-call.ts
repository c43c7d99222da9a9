import { fromBinary, type DescMessage } from "@bufbuild/protobuf";
import { isStream, type Body } from "../../../../model/byte-stream.ts";
import { connectCall } from "../../../../model/connect.ts";
import { formatGrpcTimeout } from "../../../../model/grpc.ts";
import type { HeaderLines } from "../../../../model/header-lines.ts";
import { QueryText } from "../../../../model/query-text.ts";
import { err, ok, type Result } from "../../../../model/result.ts";
import type { UpstreamFailure, UpstreamRequest } from "../../../../ports/upstream.ts";
import { isMetadata, MAX_MESSAGE_BYTES, MAX_MESSAGE_VALUES, type CallForm } from "./answer-json.ts";
import type { Api, ApiCall } from "./api.ts";
import type { EventRule } from "./event-rules.ts";
import { resumedFrom } from "./event-text.ts";
import { acceptsEvents, lastEvent, type LastEvent } from "./last-event-id.ts";
import { framed } from "./message-frames.ts";
import { jsonValues } from "./json-values.ts";
import { requestMessage, type CallText } from "./request-message.ts";
import { wireValues } from "./wire-values.ts";

/** A request whose head stands for a call. */
export interface AskedCall {
  readonly call: ApiCall;
  readonly form: CallForm;
  /** The last event its client has seen, where its answer is to be server-sent events. */
  readonly events: { readonly rule: EventRule; readonly last: LastEvent | undefined } | undefined;
}

/** A request that is a call, and the call as it leaves. */
export interface ReadCall extends Pick<AskedCall, "call" | "form"> {
  readonly request: UpstreamRequest;
  /** Where its answer is to be server-sent events. */
  readonly events: ReadEvents | undefined;
}

/** A request for server-sent events. */
export interface ReadEvents {
  readonly rule: EventRule;
  /** The id the call is asked to go on from, wherever in the request it stood; empty: none. */
  readonly resumedFrom: string;
  /** The client has seen the gateway's own last event. */
  readonly sawEnd: boolean;
}

/** Reads the head of a request of HTTP and JSON, or of a unary one of Connect. What can be refused for its head is, with its body unread. */
export function askedCall(request: UpstreamRequest, api: Api, alwaysEvents: boolean): Result<AskedCall, UpstreamFailure> {
  const { method, requestTarget, headers, body } = request;
  const [path = "/"] = requestTarget.split("?");
  const form = formOf(request);
  const call = form === "http" ? api.find(method === "HEAD" ? "GET" : method, path) : api.named(path);
  if (call === undefined) return err(NO_METHOD);
  if (form !== "http" && call.method.methodKind !== "unary") return err(NO_UNARY);
  if (form === "connect-proto" && headers.has("content-encoding")) return err(NO_CODING);
  if (form !== "connect-proto" && !isJson(headers, body)) return err(NO_JSON);
  const isEvents = form === "http" && call.method.methodKind === "server_streaming" && (alwaysEvents || asksForEvents(headers));
  const rule = isEvents ? api.events(call.method) : undefined;
  const last = rule === undefined ? ok(undefined) : lastEvent(headers, rule);
  if (!last.ok) return last;
  return ok({ call, form, events: rule && { rule, last: last.value } });
}

/** Makes the call of a request whose body is at hand. */
export function readCall(
  request: UpstreamRequest,
  { call, form, events }: AskedCall,
  api: Api,
): Result<ReadCall, UpstreamFailure> {
  const bytes = bytesOf(request.body);
  if (bytes.byteLength > MAX_MESSAGE_BYTES) return err(TOO_LARGE);
  const [, ...rest] = request.requestTarget.split("?");
  // the reading of views, selectors and credentials: what the service is asked by is what they saw (C25)
  const query = new QueryText(rest.join("?")).all();
  const message =
    form === "connect-proto"
      ? known(api, call, bytes)
      : messageOf(api, call, { bytes, query, last: lastField(events?.rule, events?.last) });
  if (!message.ok) return message;
  if (message.value.byteLength > MAX_MESSAGE_BYTES) return err(TOO_LARGE);
  const { parent, name } = call.method;
  const made = {
    method: "POST",
    requestTarget: `/${parent.typeName}/${name}`,
    headers: callHeaders(request.headers),
    body: framed(message.value),
  };
  const told = events && {
    rule: events.rule,
    resumedFrom: resumedFrom(events.rule, call, message.value),
    sawEnd: events.last?.sawEnd === true,
  };
  return ok({ call, form, request: { ...request, ...made }, events: told });
}

const asksForEvents = (headers: HeaderLines): boolean => acceptsEvents(headers.joined("accept") ?? "");

/** What a client has seen last is in its header when it comes back by itself, whatever its first request said. */
const lastField = (rule: EventRule | undefined, last: LastEvent | undefined): CallText["last"] =>
  rule?.resume === undefined || last === undefined || last.id === ""
    ? undefined
    : { field: [...rule.resume.within, rule.resume.field], text: last.id };

/** How a request says its call. Connect says so in a header of its own; its streams are not taken. */
function formOf({ method, headers }: UpstreamRequest): CallForm {
  const call = connectCall({ method, headers });
  if (call === undefined) return "http";
  return call.codec === "proto" ? "connect-proto" : "connect-json";
}

function callHeaders(headers: HeaderLines): HeaderLines {
  const timeout = headers.first("connect-timeout-ms") ?? "";
  const added = ["content-type", "application/grpc", "grpc-accept-encoding", "identity"];
  if (/^[0-9]{1,10}$/.test(timeout)) added.push("grpc-timeout", formatGrpcTimeout(Number(timeout)));
  return headers.derive((name) => isMetadata(name) && !name.startsWith("if-") && !name.startsWith("connect-"), added);
}

const isJson = (headers: HeaderLines, body: Body): boolean =>
  body === undefined ||
  (!isStream(body) && body.byteLength === 0) ||
  (!headers.has("content-encoding") && JSON_TYPE.test(headers.first("content-type") ?? "application/json"));

const JSON_TYPE = /^application\/(?:[a-z0-9.+-]+\+)?json(?:$|[;\t ])/i;

function messageOf(
  api: Api,
  call: ApiCall,
  { bytes, ...rest }: { readonly bytes: Uint8Array } & Pick<CallText, "query" | "last">,
): Result<Uint8Array, UpstreamFailure> {
  const body = textOf(bytes);
  if (body === undefined) return err({ problem: "bad_request", cause: "no UTF-8", detail: "The request body is no UTF-8." });
  if (jsonValues(body, MAX_MESSAGE_VALUES) > MAX_MESSAGE_VALUES) return err(TOO_MANY);
  const message = requestMessage(api, call, { ...rest, body });
  return message.ok ? message : err({ problem: "bad_request", cause: message.error, detail: message.error });
}

function textOf(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** The bytes of a message, where they are one of its type. */
function known({ registry }: Api, { method }: ApiCall, bytes: Uint8Array): Result<Uint8Array, UpstreamFailure> {
  const values = wireValues(bytes, method.input, { max: MAX_MESSAGE_VALUES, registry });
  if ((values ?? 0) > MAX_MESSAGE_VALUES) return err(TOO_MANY);
  try {
    if (values !== undefined) fromBinary(method.input, bytes);
  } catch {
    return notKnown(method.input);
  }
  return values === undefined ? notKnown(method.input) : ok(bytes);
}

function notKnown({ typeName }: DescMessage): Result<never, UpstreamFailure> {
  const detail = `The request is no ${typeName}.`;
  return err({ problem: "bad_request", cause: detail, detail });
}

function bytesOf(body: Body): Uint8Array {
  // whoever asks holds it first: see `Holding`
  if (isStream(body)) throw new Error("a call is to be read of a body that is not at hand");
  return body ?? new Uint8Array();
}

const NO_METHOD: UpstreamFailure = {
  problem: "route_not_found",
  cause: "no rule",
  detail: "No method of the service is called like this.",
};

const NO_UNARY: UpstreamFailure = { problem: "body_unsupported", cause: "a stream", detail: "This method is a stream." };

const NO_CODING: UpstreamFailure = {
  problem: "body_unsupported",
  cause: "a coding",
  detail: "This method takes its messages without a coding.",
};

const NO_JSON: UpstreamFailure = {
  problem: "body_unsupported",
  cause: "no JSON",
  detail: "This method takes JSON, without a coding.",
};

const TOO_MANY: UpstreamFailure = {
  problem: "body_too_large",
  cause: "too many values",
  detail: `The message has more than the ${MAX_MESSAGE_VALUES} values a call may have; members of JSON objects count twice.`,
};

const TOO_LARGE: UpstreamFailure = {
  problem: "body_too_large",
  cause: "a message too large",
  detail: `The message is larger than the ${MAX_MESSAGE_BYTES} bytes a call may have.`,
};
