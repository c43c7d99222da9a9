import { isStream, type Body } from "../model/byte-stream.ts";
import type { Cancel } from "../model/cancel.ts";
import type { ProblemCode, Refusal } from "../model/problem.ts";
import type { UpstreamFailure } from "../ports/upstream.ts";
import { ask } from "./ask-holding.ts";
import { bodyTooLarge, CLIENT_GONE, failed, refused, type StageEnd } from "./ending.ts";
import type { ExchangeRun } from "./exchange-run.ts";
import { kindOf, tellingBreak } from "./grpc.ts";
import { copyOnItsWay } from "./observe.ts";
import { judgeChange, reserveTunnel } from "./open-tunnel.ts";
import { recordReview } from "./record-review.ts";
import { requestBy } from "./request-by.ts";
import { selects } from "./select-binding.ts";
import { sendOrFallBack } from "./send-or-fall-back.ts";
import { isConnectStream, noRoom, showBodies } from "./show-bodies.ts";
import { wantsBody } from "./wanted-bodies.ts";

/** Sends the settled request to its upstream and takes the response head; the body keeps flowing (C7: a client that left cancels it). */
export async function forward(run: ExchangeRun, cancel: Cancel): Promise<StageEnd> {
  if (cancel.aborted) return CLIENT_GONE;
  if (run.responded === undefined) {
    const end = (run.isReviewedAt("post-response") ? await captureForPostResponse(run, cancel) : undefined) ?? reserveTunnel(run);
    if (end !== undefined) return end;
    const failure = (await send(run, cancel)) ?? judgeChange(run);
    if (failure !== undefined) return failure;
    showAnswer(run);
  } else {
    run.exchange = { ...run.exchange, response: run.plan.toClient(run.responded.response, run.exchange) };
  }
  if (run.isReviewed || run.shadows !== undefined) copyOnItsWay(run, "response");
  run.shadows?.flush();
  return undefined;
}

/** From here on the response is what bindings and client may see of it. */
function showAnswer(run: ExchangeRun): void {
  const { response } = run.exchange;
  if (response === undefined) return;
  const shown = run.route.toClient(response, run.exchange);
  if (shown.body !== response.body) discardBody(response.body);
  run.exchange = { ...run.exchange, response: shown };
}

async function send(run: ExchangeRun, cancel: Cancel): Promise<StageEnd> {
  const { clock } = run.deps;
  const { upstream, fallbacks, toUpstream } = run.route;
  const first = requestBy(toUpstream, run);
  if ("end" in first) return first.end;
  const startedMs = clock.nowMs();
  run.forwarded = true;
  const answer = await (fallbacks.length === 0
    ? ask(run, { upstream, request: first.request, cancel })
    : sendOrFallBack(run, first.request, cancel));
  run.upstreamMs = clock.nowMs() - startedMs;
  if ("end" in answer) return answer.end;
  if (!answer.ok) return cancel.aborted ? CLIENT_GONE : upstreamEnd(run, answer.error);
  // from here on whoever ends the exchange has this body to give up
  const { body } = answer.value;
  const kind = kindOf(run.exchange);
  // what is no call's answer has no place for a call's last words
  const tells = isStream(body) && (typeof kind === "string" || isConnectStream(answer.value));
  const response = tells ? { ...answer.value, body: tellingBreak(body, run, kind) } : answer.value;
  run.exchange = { ...run.exchange, response };
  return cancel.aborted ? CLIENT_GONE : undefined;
}

/** Bindings after the response may need the request's body: it is captured before it leaves, or the exchange ends before the upstream acts. */
async function captureForPostResponse(run: ExchangeRun, cancel: Cancel): Promise<StageEnd> {
  for (const binding of run.matched) {
    const { phase, mode } = binding.plan;
    if (phase !== "post-response" || mode === "observe" || !wantsBody(binding, "request") || !selects(run.exchange, binding))
      continue;
    const shown = await showBodies(run, binding, cancel);
    if (shown.kind === "refuse")
      recordReview(run, binding, { durationMs: 0, ending: { kind: "unreviewable", reason: shown.reason, skipped: false } });
    if (shown.kind === "refuse" || shown.kind === "end") return shown.ending;
  }
  return undefined;
}

/** What a client is told of each upstream failure; fixed sentences, the cause goes to the log. */
const DETAILS: Record<UpstreamFailure["problem"], string> = {
  upstream_unreachable: "The upstream cannot be reached.",
  upstream_timeout: "The upstream did not answer in time.",
  upstream_invalid_response: "The upstream did not answer with a valid response.",
  upstream_overloaded: "The upstream takes no more requests at the moment.",
  request_timeout: "The request body did not arrive in time.",
  bad_request: "The request body broke off.",
  body_unsupported: "This route takes gRPC.",
  body_too_large: "The request is too large.",
  route_not_found: "The upstream has no such method.",
  upgrade_unsupported: "The upstream of this route takes no WebSockets.",
  gateway_overloaded: "The gateway holds too many bodies.",
};

const CLIENT_FAULTS: ReadonlySet<ProblemCode> = new Set([
  "request_timeout",
  "bad_request",
  "body_unsupported",
  "body_too_large",
  "route_not_found",
]);

function upstreamEnd(run: ExchangeRun, { problem, cause, detail = DETAILS[problem] }: UpstreamFailure): StageEnd {
  if (run.overBytes !== undefined) return bodyTooLarge(run.overBytes);
  // its answer: what is held of a request is refused before anybody is asked
  if (problem === "gateway_overloaded") return refused("capture", noRoom("response"));
  const refusal: Refusal = { problem, detail, cause };
  if (CLIENT_FAULTS.has(problem)) return refused("client", refusal);
  return failed(
    run.fallback ?? run.route.plan.upstream,
    problem === "upstream_overloaded" ? { ...refusal, headers: [["retry-after", "1"]] } : refusal,
  );
}

/** Gives up a body nobody will read. Harmless where it has been read. */
export function discardBody(body: Body): void {
  if (isStream(body)) body.discard();
}
