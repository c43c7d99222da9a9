import { BodyFailure } from "../model/body-failure.ts";
import { isStream, type Body } from "../model/byte-stream.ts";
import type { RouteCors, RouteMatch, RunnableRoute } from "../ports/runnable-plan.ts";
import { limitedStream } from "../support/byte-streams.ts";
import { isSampled } from "../support/is-sampled.ts";
import { bodyTooLarge, bodyTooLargeDetail, failed, refused, type StageEnd } from "./ending.ts";
import type { ExchangeRun } from "./exchange-run.ts";
import { copyOnItsWay, watchOpen } from "./observe.ts";
import { placeOf } from "./place.ts";
import { ShadowReviews } from "./shadow-reviews.ts";
import { wantsBody } from "./wanted-bodies.ts";

/**
 * Matches the request as it stands and enters the route: the provisional one at ingress, another one after a granted move (C1, C2).
 * Closes the route while an interceptor that guards it was not described (C32), strips headers its bindings own (C11) and holds the
 * body to the route's limit.
 */
export function enterRoute(run: ExchangeRun): StageEnd {
  const place = placeOf(run.plan, run.exchange);
  if (place.kind !== "matched") return noRoute(place);
  const { route, bindings } = place;
  stripOwned(run, route);
  const shadows = place.shadows.filter(({ plan }) => isSampled(run.exchange.ids.requestId, plan.percent));
  if (shadows.length > 0) run.shadows ??= new ShadowReviews(run);
  run.enter(route, bindings, shadows);
  const unsupported = run.asksForWebSocket ? settleProtocol(run) : undefined;
  const page = unsupported ?? (route.cors === undefined ? undefined : answerPage(run, route.cors));
  const end = page ?? guarded(route) ?? limitBody(run);
  if (end !== undefined || (!run.isReviewed && run.shadows === undefined)) return end;
  copyOnItsWay(run, "request");
  watchOpen(run);
  return undefined;
}

/**
 * Whether the route lets the handshake through; if not, it is the ordinary request it also is, and refused where it is none. Where nothing
 * is said (`auto`) and somebody reviews bodies, it does not: a client must not choose to be unreviewed by asking for another protocol (C18).
 */
function settleProtocol(run: ExchangeRun): StageEnd {
  const { streaming } = run.route.plan;
  const readsBodies = (): boolean =>
    run.matched.some(
      (binding) => binding.plan.mode !== "observe" && (wantsBody(binding, "request") || wantsBody(binding, "response")),
    );
  const isLetThrough = streaming === "websocket" || (streaming === "auto" && !readsBodies());
  run.exchange = { ...run.exchange, protocol: isLetThrough ? "websocket" : "http" };
  if (isLetThrough || !run.upgradeOnly) return undefined;
  return refused("websocket", { problem: "upgrade_unsupported", detail: "This route takes no WebSockets." });
}

/** What browsers ask before the request itself is the gateway's to answer: nobody reviews it, and a closed route may be asked about (C27). */
function answerPage({ original, exchange }: ExchangeRun, cors: RouteCors): StageEnd {
  const answer = cors.answer(original, exchange.protocol);
  if (answer === undefined) return undefined;
  return answer.kind === "refuse"
    ? refused("cors", answer.refusal)
    : { kind: "responded", response: answer.response, by: "cors" };
}

function noRoute(match: Exclude<RouteMatch, { kind: "matched" }>): StageEnd {
  if (match.kind === "no-route")
    return refused("router", { problem: "route_not_found", detail: "No route matches this request." });
  const allow = match.allow.join(", ");
  return refused("router", { problem: "method_not_allowed", detail: `This path answers ${allow}.`, headers: [["allow", allow]] });
}

// once for each header: what stands there later its owner has written, and a header has one owner
function stripOwned(run: ExchangeRun, { ownedHeaders }: RunnableRoute): void {
  if (ownedHeaders.size === 0) return;
  const { stripped } = run;
  const { head } = run.exchange;
  const headers = head.headers.without((name) => ownedHeaders.has(name) && !stripped.has(name));
  run.exchange = { ...run.exchange, head: { ...head, headers } };
  run.stripped = new Set([...stripped, ...ownedHeaders]);
}

function guarded({ plan }: RunnableRoute): StageEnd {
  const [waiting] = plan.guardedBy;
  if (waiting === undefined) return undefined;
  return failed(waiting, {
    problem: "interceptor_unavailable",
    detail: "A review this request requires is not available.",
    headers: [["retry-after", "1"]],
    cause: `interceptor ${waiting} was not yet described`,
  });
}

/** Holds the request body to the route's limit: at once where its length is known, else while it is read (413). */
function limitBody(run: ExchangeRun): StageEnd {
  const { body } = run.exchange;
  const { maxBodyBytes } = run.route.plan;
  if (lengthOf(body) > maxBodyBytes) return bodyTooLarge(maxBodyBytes);
  if (!isStream(body) || body.declaredBytes !== undefined) return undefined;
  const limited = limitedStream(body, maxBodyBytes, () => {
    run.overBytes = maxBodyBytes;
    return new BodyFailure("body_too_large", bodyTooLargeDetail(maxBodyBytes));
  });
  run.exchange = { ...run.exchange, body: limited };
  return undefined;
}

const lengthOf = (body: Body): number => (body === undefined ? 0 : isStream(body) ? (body.declaredBytes ?? 0) : body.byteLength);
