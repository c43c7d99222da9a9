import type { Cancel } from "../model/cancel.ts";
import type { Response } from "../model/exchange.ts";
import { HeaderLines } from "../model/header-lines.ts";
import { PROBLEMS, type Refusal } from "../model/problem.ts";
import type { Received } from "../model/received.ts";
import type { Answer, Handle } from "../ports/inbound.ts";
import { authenticate } from "./authenticate.ts";
import type { PipelineDeps } from "./deps.ts";
import { broken, type Ending, type StageEnd } from "./ending.ts";
import { enterRoute } from "./enter-route.ts";
import { ExchangeRun } from "./exchange-run.ts";
import { finish, finishRefused } from "./finish.ts";
import { discardBody, forward } from "./forward.ts";
import { kindOf, kindOfReceived, problemAnswer } from "./grpc.ts";
import { keepOpen } from "./keep-open.ts";
import { falseOpening, openTunnel } from "./open-tunnel.ts";
import { reviewPhase } from "./review-phase.ts";
import { withWarnings } from "./warnings.ts";

/**
 * The life of a request (RFC.md §2). One plan serves it from first byte to last, whatever is reloaded meanwhile.
 * Every failure leaves as a problem in the route's form (RFC 9457 where none matched), and this is the only place that renders them; the answer rejects only where a bug
 * of ours came before there was an exchange to answer.
 */
export function pipeline(deps: PipelineDeps): Handle {
  return async (received, cancel) => {
    const entered = deps.turnstile.enter(received.listener);
    if (typeof entered === "string") return shed(deps, received);
    const startedMs = deps.clock.nowMs();
    const { plan, release } = deps.plans.acquire(received.listener);
    const giveUp = (): void => {
      discardBody(received.body);
      release();
    };
    try {
      const arrival = plan.receive(received);
      if (arrival.kind === "refused") {
        giveUp();
        const response = problemAnswer(arrival.refusal, arrival.ids, formOf(received));
        const head = { received, arrival, revision: plan.plan.revision, startedMs, entered };
        return { response, onSent: (sent) => finishRefused(deps, { ...head, sent }) };
      }
      return live(
        new ExchangeRun({
          plan,
          release,
          exchange: arrival.exchange,
          deps,
          startedMs,
          entered,
          upgradeOnly: received.upgradeOnly,
          listenerKey: received.listenerKey,
        }),
        received,
        cancel,
      );
    } catch (thrown) {
      giveUp();
      entered.leave();
      throw thrown;
    }
  };
}

/** The answer to a request that is not begun (R12): nothing of it was looked at, and it leaves no line in the access log. */
function shed({ ids }: PipelineDeps, received: Received): Answer {
  discardBody(received.body);
  const requestId = ids.requestId();
  return { response: problemAnswer(OVERLOADED, { requestId }, formOf(received)), onSent: nobodyAsks };
}

/** How a problem is told before there is a route. */
const formOf = (received: Received): Parameters<typeof problemAnswer>[2] => ({
  kind: kindOfReceived(received),
  format: undefined,
});

const OVERLOADED: Refusal = {
  problem: "gateway_overloaded",
  detail: "The gateway has more requests than it can serve at present; this one was not begun.",
};

const nobodyAsks = (): void => {};

/** From an exchange to its answer. Never rejects. */
async function live(run: ExchangeRun, received: Received, cancel: Cancel): Promise<Answer> {
  let ending: StageEnd;
  let response: Response;
  try {
    ending = await stages(run, cancel);
    response = forPages(run, withWarnings(run, ending, egress(run, ending)));
    const opensFalsely = falseOpening(run, response, ending);
    if (opensFalsely !== undefined) {
      discardBody(response.body);
      ending = opensFalsely;
      response = forPages(run, egress(run, ending));
    }
  } catch (thrown) {
    // a bug of ours, never an expected failure: those are values
    ending = broken(thrown);
    response = forPages(run, egress(run, ending));
    discardBody(run.exchange.body);
  }
  // whoever did not send the request on does not want its body
  if (!run.forwarded) discardBody(received.body);
  run.status = statusOf(ending, response);
  const answeredMs = run.deps.clock.nowMs();
  return { response, onSent: (sent) => finish(run, { received, ending, answeredMs, sent }) };
}

/** The stages in their order; each may end the exchange. An exchange nobody reviews waits for its upstream only. */
async function stages(run: ExchangeRun, cancel: Cancel): Promise<StageEnd> {
  const early =
    enterRoute(run) ??
    (run.isReviewedAt("pre-auth") ? await reviewPhase(run, "pre-auth", cancel) : run.shadows?.turns("pre-auth"));
  if (early !== undefined) return early;
  const asked = authenticate(run, cancel);
  return (
    (asked instanceof Promise ? await asked : asked) ??
    (run.isReviewedAt("pre-route") ? await reviewPhase(run, "pre-route", cancel) : run.shadows?.turns("pre-route")) ??
    // authorize and limit stand here, on the settled request and the final route (C3)
    (await forward(run, cancel)) ??
    (run.isReviewedAt("post-response") ? await reviewPhase(run, "post-response", cancel) : run.shadows?.turns("post-response")) ??
    (run.agreement === undefined ? undefined : openTunnel(run, cancel)) ??
    (run.terms === undefined ? undefined : keepOpen(run, run.terms))
  );
}

/** The response an ending stands for; what the upstream sent is dropped unless it is the ending (C17). */
function egress(run: ExchangeRun, ending: Ending | undefined): Response {
  const { response, ids } = run.exchange;
  if (ending === undefined) {
    if (response === undefined) throw new Error("the stages ended without a response");
    return response;
  }
  discardBody(response?.body);
  switch (ending.kind) {
    case "responded":
      return run.plan.toClient(ending.response, run.exchange);
    case "client-gone":
      return { status: 499, headers: HeaderLines.EMPTY, body: undefined };
    case "denied":
    case "refused":
    case "failed":
      return problemAnswer(ending.refusal, ids, { kind: kindOf(run.exchange), format: run.routeOrNone?.plan.errorFormat });
    default:
      return ending satisfies never;
  }
}

/** Whatever the answer is and whoever made it, what browsers let pages do with it is said in one place, at the end (C27). */
function forPages({ routeOrNone, original }: ExchangeRun, response: Response): Response {
  const cors = routeOrNone?.cors;
  return cors === undefined ? response : cors.dress(response, original);
}

/** What the record says, whatever the protocol makes of it on the wire: to gRPC every answer is a 200. */
function statusOf(ending: StageEnd, response: Response): number {
  if (ending === undefined || !("refusal" in ending)) return response.status;
  return ending.refusal.status ?? PROBLEMS[ending.refusal.problem].status;
}
