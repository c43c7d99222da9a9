import { BodyFailure } from "../model/body-failure.ts";
import { isStream, type Body } from "../model/byte-stream.ts";
import type { Cancel } from "../model/cancel.ts";
import type { Response } from "../model/exchange.ts";
import type { Refusal } from "../model/problem.ts";
import type { BodyView } from "../ports/review-client.ts";
import type { RunnableBinding } from "../ports/runnable-plan.ts";
import { unreviewableAnswer, type Unreviewable } from "../review/failure-answer.ts";
import type { ShownBodies } from "../review/read-field.ts";
import type { Capture } from "./body-source.ts";
import { causeText, CLIENT_GONE, failed, refused, type Ending } from "./ending.ts";
import type { ExchangeRun } from "./exchange-run.ts";
import { kindOf } from "./grpc.ts";
import { captureBytes, wantsBody, type Side } from "./wanted-bodies.ts";

/** The bodies a binding will see; or that they cannot be shown, which skips it or refuses the exchange (C18); or the end for another reason. */
export type Shown =
  | { readonly kind: "shown"; readonly bodies: ShownBodies }
  | { readonly kind: "skip"; readonly reason: string }
  | { readonly kind: "refuse"; readonly reason: string; readonly ending: Ending }
  | { readonly kind: "end"; readonly ending: Ending };

/** Captures and prepares the bodies one binding wants (C24). What cannot be shown is refused whatever the failure policy (C18). */
export async function showBodies(run: ExchangeRun, binding: RunnableBinding, cancel: Cancel): Promise<Shown> {
  const request = wantsBody(binding, "request") ? await showSide(run, binding, "request", cancel) : NOT_WANTED;
  if (request.kind !== "view") return request;
  const response = wantsBody(binding, "response") ? await showSide(run, binding, "response", cancel) : NOT_WANTED;
  if (response.kind !== "view") return response;
  return { kind: "shown", bodies: { request: request.view, response: response.view } };
}

type SideShown = { readonly kind: "view"; readonly view: BodyView | undefined } | Exclude<Shown, { kind: "shown" }>;

const NOT_WANTED: SideShown = { kind: "view", view: undefined };

async function showSide(run: ExchangeRun, binding: RunnableBinding, side: Side, cancel: Cancel): Promise<SideShown> {
  const stream = side === "response" ? streamReason(run) : requestStreamReason(run);
  if (stream !== undefined) return unreviewable(binding, side, stream);
  const startedMs = run.deps.clock.nowMs();
  const capture = await captureSide(run, binding, side, cancel);
  run.captureMs += run.deps.clock.nowMs() - startedMs;
  if (cancel.aborted) return { kind: "end", ending: CLIENT_GONE };
  switch (capture.kind) {
    case "none":
      return NOT_WANTED;
    case "shown":
      return { kind: "view", view: capture.view };
    case "unreviewable":
      return unreviewable(binding, side, capture.why);
    case "no-room":
      return { kind: "end", ending: refused("capture", noRoom(side)) };
    case "broken":
      return { kind: "end", ending: side === "request" ? brokenRequest(capture.cause) : brokenResponse(run, capture.cause) };
    default:
      return capture satisfies never;
  }
}

async function captureSide(run: ExchangeRun, binding: RunnableBinding, side: Side, cancel: Cancel): Promise<Capture> {
  const { head, body, response } = run.exchange;
  const message = side === "request" ? { body, headers: head.headers } : response;
  if (message === undefined) return { kind: "none", body: undefined };
  // the rest of a body that was skipped has left for the upstream
  if (side === "request" && run.forwarded && isStream(body)) return { kind: "unreviewable", why: GONE, body };
  const wish = {
    binding: binding.plan,
    body: message.body,
    headers: message.headers,
    captureBytes: captureBytes(run.matched, side),
    readsValue: binding.whenNeedsBody[side],
  };
  const capture = await run.bodies.show(wish, cancel);
  if (capture.kind === "broken" || capture.body === message.body) return capture;
  run.exchange = withBody(run, side, capture.body);
  if (capture.body !== undefined && !isStream(capture.body)) run.copies[side]?.capturedAs(capture.body);
  return capture;
}

const GONE: Unreviewable = { kind: "too-large", message: "it was too large to be kept" };

function withBody({ exchange }: ExchangeRun, side: Side, body: Body): ExchangeRun["exchange"] {
  if (side === "request") return { ...exchange, body };
  return exchange.response === undefined ? exchange : { ...exchange, response: { ...exchange.response, body } };
}

function unreviewable(binding: RunnableBinding, side: Side, why: Unreviewable): SideShown {
  const reason = `${side} body: ${why.message}`;
  if (binding.plan.onUnreviewable === "skip") return { kind: "skip", reason };
  return {
    kind: "refuse",
    reason,
    ending: refused(binding.name, unreviewableAnswer(why, side === "response" ? "post-response" : "pre-route")),
  };
}

/** The answer where the process holds too many bodies. Once the upstream has acted, nothing may invite a repeat (C17). */
export function noRoom(side: Side): Refusal {
  const refusal: Refusal = { problem: "gateway_overloaded", detail: "The gateway holds too many bodies." };
  return side === "request" ? { ...refusal, headers: [["retry-after", "1"]] } : { ...refusal, status: 502, retryable: false };
}

/** How an exchange ends whose request body did not arrive. */
export function brokenRequest(cause: unknown): Ending {
  if (!(cause instanceof BodyFailure))
    return refused("client", { problem: "bad_request", detail: "The request body broke off.", cause });
  if (cause.problem === "client_closed") return CLIENT_GONE;
  return refused(cause.problem === "body_too_large" ? "body-limit" : "client", { problem: cause.problem, detail: cause.detail });
}

const brokenResponse = (run: ExchangeRun, cause: unknown): Ending =>
  failed(run.route.plan.upstream, {
    problem: "upstream_invalid_response",
    detail: "The upstream's response broke off.",
    cause: causeText(cause),
  });

/** Responses that are not one bounded message (C18); what has no body at all is shown as such. */
export function streamReason(run: ExchangeRun): Unreviewable | undefined {
  const { response } = run.exchange;
  if (response?.body === undefined) return undefined;
  if (response.tunnel !== undefined) return { kind: "stream", message: "it is an upgrade" };
  if (response.status === 206) return { kind: "partial", message: "it is a partial response" };
  const type = contentType(response);
  if (type.startsWith(EVENT_STREAM)) return { kind: "stream", message: "it is an event stream" };
  if (type.startsWith("application/connect+")) return CONNECT_STREAM;
  return type.startsWith("application/grpc") ? GRPC_STREAM : undefined;
}

/** Such a request may go on for as long as its response does: waiting for its end could be for ever. A unary call of Connect is an ordinary request. */
function requestStreamReason({ exchange }: ExchangeRun): Unreviewable | undefined {
  const kind = kindOf(exchange);
  if (kind === undefined || exchange.body === undefined) return undefined;
  if (typeof kind === "string") return GRPC_STREAM;
  return kind.kind === "stream" ? CONNECT_STREAM : undefined;
}

const GRPC_STREAM: Unreviewable = { kind: "stream", message: "it is a gRPC stream" };

const CONNECT_STREAM: Unreviewable = { kind: "stream", message: "it is a stream of Connect" };

const EVENT_STREAM = "text/event-stream";

const contentType = ({ headers }: Response): string => headers.joined("content-type")?.trimStart().toLowerCase() ?? "";

/** Whether a response is a stream of server-sent events by its content type. */
export const isEventStream = (response: Response): boolean => contentType(response).startsWith(EVENT_STREAM);

/** Whether a response is the messages of a streaming call of Connect by its content type. */
export const isConnectStream = (response: Response): boolean => contentType(response).startsWith("application/connect+");
