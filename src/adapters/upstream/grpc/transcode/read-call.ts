import { fromBinary } from "@bufbuild/protobuf";
import { BodyFailure } from "../../../../model/body-failure.ts";
import { isStream, type Body } from "../../../../model/byte-stream.ts";
import { formatGrpcTimeout } from "../../../../model/grpc.ts";
import type { HeaderLines } from "../../../../model/header-lines.ts";
import { err, ok, type Result } from "../../../../model/result.ts";
import type { UpstreamFailure, UpstreamRequest } from "../../../../ports/upstream.ts";
import { collect } from "../../../../support/byte-streams.ts";
import { isMetadata, MAX_MESSAGE_BYTES, type CallForm } from "./answer-json.ts";
import type { Api, ApiCall } from "./api.ts";
import { framed } from "./message-frames.ts";
import { requestMessage } from "./request-message.ts";

/** A request that is a call, and the call as it leaves. */
export interface ReadCall {
  readonly call: ApiCall;
  readonly form: CallForm;
  readonly request: UpstreamRequest;
}

/** Reads a request of HTTP and JSON, or a unary one of Connect, to its end, and makes the call of it. What it refuses was given up. */
export async function readCall(request: UpstreamRequest, api: Api): Promise<Result<ReadCall, UpstreamFailure>> {
  const { method, requestTarget, headers, body } = request;
  const [path = "/", ...rest] = requestTarget.split("?");
  const form = formOf(request);
  const call = form === "http" ? api.find(method === "HEAD" ? "GET" : method, path) : api.named(path);
  if (call === undefined) return refuse(body, NO_METHOD);
  if (form !== "http" && call.method.methodKind !== "unary") return refuse(body, NO_UNARY);
  if (form === "connect-proto" && headers.has("content-encoding")) return refuse(body, NO_CODING);
  if (form !== "connect-proto" && !isJson(headers, body)) return refuse(body, NO_JSON);
  const bytes = await bytesOf(body);
  if (!bytes.ok) return bytes;
  const query = [...new URLSearchParams(rest.join("?"))];
  const message = form === "connect-proto" ? known(call, bytes.value) : messageOf(api, call, { bytes: bytes.value, query });
  if (!message.ok) return message;
  if (message.value.byteLength > MAX_MESSAGE_BYTES) return err(TOO_LARGE);
  const { parent, name } = call.method;
  const made = {
    method: "POST",
    requestTarget: `/${parent.typeName}/${name}`,
    headers: callHeaders(headers),
    body: framed(message.value),
  };
  return ok({ call, form, request: { ...request, ...made } });
}

/** How a request says its call. Connect says so in a header of its own; its streams are not taken. */
function formOf({ method, headers }: UpstreamRequest): CallForm {
  if (method !== "POST" || headers.first("connect-protocol-version") !== "1") return "http";
  return headers.first("content-type") === "application/proto" ? "connect-proto" : "connect-json";
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
  { bytes, query }: { readonly bytes: Uint8Array; readonly query: readonly (readonly [string, string])[] },
): Result<Uint8Array, UpstreamFailure> {
  const body = textOf(bytes);
  if (body === undefined) return err({ problem: "bad_request", cause: "no UTF-8", detail: "The request body is no UTF-8." });
  const message = requestMessage(api, call, { query, body });
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
function known({ method }: ApiCall, bytes: Uint8Array): Result<Uint8Array, UpstreamFailure> {
  try {
    fromBinary(method.input, bytes);
    return ok(bytes);
  } catch {
    const detail = `The request is no ${method.input.typeName}.`;
    return err({ problem: "bad_request", cause: detail, detail });
  }
}

async function bytesOf(body: Body): Promise<Result<Uint8Array, UpstreamFailure>> {
  if (!isStream(body)) return (body?.byteLength ?? 0) > MAX_MESSAGE_BYTES ? err(TOO_LARGE) : ok(body ?? new Uint8Array());
  const collected = await collect(body, { maxBytes: MAX_MESSAGE_BYTES });
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

function refuse(body: Body, failure: UpstreamFailure): Result<never, UpstreamFailure> {
  if (isStream(body)) body.discard();
  return err(failure);
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

const TOO_LARGE: UpstreamFailure = {
  problem: "body_too_large",
  cause: "a message too large",
  detail: `The message is larger than the ${MAX_MESSAGE_BYTES} bytes a call may have.`,
};
