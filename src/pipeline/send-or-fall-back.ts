import { BodyFailure } from "../model/body-failure.ts";
import { isStream, type Body } from "../model/byte-stream.ts";
import type { Cancel } from "../model/cancel.ts";
import { isIdempotent } from "../model/idempotent-method.ts";
import { err, ok, type Result } from "../model/result.ts";
import type { FallbackUpstream } from "../ports/runnable-plan.ts";
import type { UpstreamFailure, UpstreamRequest } from "../ports/upstream.ts";
import { collect } from "../support/byte-streams.ts";
import { KeptBody } from "../support/kept-body.ts";
import { ask, type Asked } from "./ask-holding.ts";
import type { Ending } from "./ending.ts";
import type { ExchangeRun } from "./exchange-run.ts";
import { GrowingRoom } from "./growing-room.ts";
import { judgeResponse } from "./judge-response.ts";
import { requestBy } from "./request-by.ts";
import { unlessCancelled } from "./unless-cancelled.ts";

type UpstreamAnswer = Exclude<Asked, { readonly end: Ending }>;

/**
 * Asks the route's upstream, and where it cannot answer, or with what is not the answer to be had, one after the other those that stand in
 * for it, each once and with a request of its own. The last one asked has the last word.
 */
export async function sendOrFallBack(run: ExchangeRun, first: UpstreamRequest, cancel: Cancel): Promise<Asked> {
  const atHand = await bodyAtHand(run, first.body, cancel);
  if (!atHand.ok) return atHand;
  const body = isStream(atHand.value) ? new KeptBody(atHand.value) : atHand.value;
  const asked = new Set([run.route.plan.upstream]);
  let answer = await ask(run, { upstream: run.route.upstream, request: { ...first, body }, cancel });
  for (const fallback of run.route.fallbacks) {
    if ("end" in answer) break;
    if (asked.has(fallback.name) || cancel.aborted) continue;
    const wish = await isWanted(run, fallback, { answer, body: heldBy(run, body), cancel });
    answer = wish.answer;
    if (!wish.isWanted) continue;
    const next = requestBy(fallback.toUpstream, run);
    if ("end" in next) {
      // its time ran out on the way: nobody else is asked
      answer = err(OUT_OF_TIME);
      break;
    }
    asked.add(fallback.name);
    run.fallback = fallback.name;
    fallback.used.add();
    answer = await ask(run, { upstream: fallback.upstream, request: { ...next.request, body: heldBy(run, body) }, cancel });
  }
  if (body instanceof KeptBody) body.settle();
  return answer;
}

/** What an upstream had to hold is at hand from then on; what flowed is gone. */
const heldBy = ({ exchange }: ExchangeRun, body: Body): Body => (isStream(exchange.body) ? body : (exchange.body ?? body));

const OUT_OF_TIME: UpstreamFailure = { problem: "upstream_timeout", cause: "the deadline of the call passed" };

interface Asking {
  readonly answer: UpstreamAnswer;
  readonly body: Body;
  readonly cancel: Cancel;
}

/** Whether one is to be asked after what the last one answered; and that answer, of which some may have been read. */
async function isWanted(
  run: ExchangeRun,
  { on }: FallbackUpstream,
  { answer, body, cancel }: Asking,
): Promise<{ readonly isWanted: boolean; readonly answer: UpstreamAnswer }> {
  if (on === undefined) {
    const isBegun = body instanceof KeptBody && body.begun;
    return { isWanted: !answer.ok && answer.error.mayBeSentElsewhere === true && !isBegun, answer };
  }
  const last = run.fallback ?? run.route.plan.upstream;
  if (!answer.ok || on.of !== last || isStream(body)) return { isWanted: false, answer };
  // a 4xx says that nothing was done (RFC 9110 section 15.5), and the operator that this one means it
  if (answer.value.status >= 500 && !isIdempotent(run.exchange.head.method)) return { isWanted: false, answer };
  const judged = await judgeResponse(answer.value, on, run.deps.clock);
  if (!judged.isMatch || cancel.aborted) return { isWanted: false, answer: ok(judged.response) };
  if (isStream(judged.response.body)) judged.response.body.discard();
  return { isWanted: true, answer: ok({ ...judged.response, body: undefined }) };
}

/** The body as bytes where it may have to be sent again and is small enough; else as it came. */
async function bodyAtHand(run: ExchangeRun, body: Body, cancel: Cancel): Promise<Result<Body, UpstreamFailure>> {
  if (!isStream(body) || body.declaredBytes === undefined) return ok(body);
  const maxBytes = Math.max(0, ...run.route.fallbacks.map(({ on }) => on?.maxBodyBytes ?? 0));
  const place = new GrowingRoom(run.room, maxBytes);
  if (body.declaredBytes > maxBytes || !place.begin(body.declaredBytes)) return ok(body);
  const collected = await unlessCancelled(collect(body, { maxBytes, mayHold: (bytes) => place.reach(bytes) }), cancel);
  switch (collected?.kind) {
    case "complete":
      return ok(collected.bytes);
    case "too-large":
    case "no-room":
      // it flows on at once
      place.shrink(0);
      return ok(collected.rest);
    case "broken": {
      const isLate = collected.cause instanceof BodyFailure && collected.cause.problem === "request_timeout";
      return err({ problem: isLate ? "request_timeout" : "bad_request", cause: "the request body broke off" });
    }
    case undefined:
      body.discard();
      return err({ problem: "upstream_unreachable", cause: "cancelled" });
    default:
      return collected satisfies never;
  }
}
