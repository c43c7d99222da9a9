import { isStream, type Body } from "../model/byte-stream.ts";
import type { Cancel } from "../model/cancel.ts";
import type { ProblemCode, Refusal } from "../model/problem.ts";
import type { Upstream, UpstreamFailure, UpstreamRequest } from "../ports/upstream.ts";
import { KeptBody } from "../support/kept-body.ts";
import { bodyTooLarge, CLIENT_GONE, failed, refused, type StageEnd } from "./ending.ts";
import type { ExchangeRun } from "./exchange-run.ts";
import { copyOnItsWay } from "./observe.ts";
import { recordReview } from "./record-review.ts";
import { selects } from "./select-binding.ts";
import { showBodies } from "./show-bodies.ts";
import { wantsBody } from "./wanted-bodies.ts";

/** Sends the settled request to its upstream and takes the response head; the body keeps flowing (C7: a client that left cancels it). */
export async function forward(run: ExchangeRun, cancel: Cancel): Promise<StageEnd> {
  if (cancel.aborted) return CLIENT_GONE;
  if (run.responded === undefined) {
    const end = run.isReviewedAt("post-response") ? await captureForPostResponse(run, cancel) : undefined;
    if (end !== undefined) return end;
    const failure = await send(run, cancel);
    if (failure !== undefined) return failure;
  } else {
    run.exchange = { ...run.exchange, response: run.responded.response };
  }
  const { exchange } = run;
  if (exchange.response !== undefined) run.exchange = { ...exchange, response: run.plan.toClient(exchange.response, exchange) };
  if (run.isReviewed || run.shadows !== undefined) copyOnItsWay(run, "response");
  run.shadows?.flush();
  return undefined;
}

async function send(run: ExchangeRun, cancel: Cancel): Promise<StageEnd> {
  const { clock } = run.deps;
  const { upstream, fallbacks } = run.route;
  const readsResponseBody = run.matched.some((binding) => wantsBody(binding, "response"));
  const request = run.route.toUpstream(run.exchange, { readsResponseBody });
  const startedMs = clock.nowMs();
  run.forwarded = true;
  const answer =
    fallbacks.length === 0
      ? await upstream.send(request, cancel)
      : await sendOrFallBack(run, { request, readsResponseBody }, cancel);
  run.upstreamMs = clock.nowMs() - startedMs;
  if (!answer.ok) return cancel.aborted ? CLIENT_GONE : upstreamEnd(run, answer.error);
  // from here on whoever ends the exchange has this body to give up
  run.exchange = { ...run.exchange, response: answer.value };
  return cancel.aborted ? CLIENT_GONE : undefined;
}

/** Asks the route's upstream, and where it cannot answer one after the other those that stand in for it, each with a request of its own. */
async function sendOrFallBack(
  run: ExchangeRun,
  first: { readonly request: UpstreamRequest; readonly readsResponseBody: boolean },
  cancel: Cancel,
): Promise<UpstreamAnswer> {
  const { upstream, fallbacks } = run.route;
  const kept = isStream(first.request.body) ? new KeptBody(first.request.body) : undefined;
  let answer = await upstream.send(withBody(first.request, kept), cancel);
  for (const fallback of fallbacks) {
    if (answer.ok || answer.error.mayBeSentElsewhere !== true || kept?.begun === true || cancel.aborted) break;
    run.fallback = fallback.name;
    fallback.used.add();
    const request = fallback.toUpstream(run.exchange, { readsResponseBody: first.readsResponseBody });
    answer = await fallback.upstream.send(withBody(request, kept), cancel);
  }
  kept?.settle();
  return answer;
}

type UpstreamAnswer = Awaited<ReturnType<Upstream["send"]>>;

const withBody = (request: UpstreamRequest, body: KeptBody | undefined): UpstreamRequest =>
  body === undefined ? request : { ...request, body };

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
};

const CLIENT_FAULTS: ReadonlySet<ProblemCode> = new Set(["request_timeout", "bad_request"]);

function upstreamEnd(run: ExchangeRun, { problem, cause }: UpstreamFailure): StageEnd {
  if (run.overBytes !== undefined) return bodyTooLarge(run.overBytes);
  const refusal: Refusal = { problem, detail: DETAILS[problem], cause };
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
