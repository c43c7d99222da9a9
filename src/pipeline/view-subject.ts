import { isStream, type Body } from "../model/byte-stream.ts";
import type { Exchange } from "../model/exchange.ts";
import type { HeaderLines } from "../model/header-lines.ts";
import type { BodyView, OutcomeView, ReviewSubject } from "../ports/review-client.ts";
import type { RunnableBinding, RunnableRoute } from "../ports/runnable-plan.ts";
import { jsonView } from "../review/body-view.ts";
import type { BodySource } from "./body-source.ts";
import type { ExchangeRun } from "./exchange-run.ts";
import type { KeptCopy } from "./kept-copy.ts";

/** What a review off the path is about. */
export interface Viewed {
  /** As it stood when its phase, or its turn, saw it. */
  readonly exchange: Exchange;
  readonly route: RunnableRoute;
  /** Makes the views of bodies. */
  readonly bodies: BodySource;
  readonly outcome: OutcomeView | undefined;
}

/** The subject of a review off the path (C29, C33): bodies as captured, else as copied on their way, else none. Holds bodies only as views. */
export async function viewSubject(
  run: ExchangeRun,
  binding: RunnableBinding,
  { exchange, route, bodies, outcome }: Viewed,
): Promise<ReviewSubject> {
  const { name, labels } = route.plan;
  const { head, body, response } = exchange;
  const { copies } = run;
  return {
    exchange: withoutBodies(exchange),
    route: { name, labels },
    requestBody: await viewOf(bodies, binding, { body, headers: head.headers, copy: copies.request }),
    responseBody: response === undefined ? undefined : await viewOf(bodies, binding, { ...response, copy: copies.response }),
    outcome,
  };
}

// what waits in a queue must not hold on to bodies nobody counts there
const withoutBodies = (exchange: Exchange): Exchange => ({
  ...exchange,
  body: undefined,
  response: exchange.response === undefined ? undefined : { ...exchange.response, body: undefined },
});

/** Without values that conditions read: they were counted in a room the exchange gives back at its end. */
export const withoutValues = (subject: ReviewSubject): ReviewSubject => ({
  ...subject,
  requestBody: withoutValue(subject.requestBody),
  responseBody: withoutValue(subject.responseBody),
});

const withoutValue = (view: BodyView | undefined): BodyView | undefined => (view?.format === "json" ? jsonView(view.text) : view);

interface Message {
  readonly body: Body;
  readonly headers: HeaderLines;
  readonly copy: KeptCopy | undefined;
}

/** A body in the binding's format; undefined where there is none or it cannot be shown. */
async function viewOf(
  bodies: BodySource,
  binding: RunnableBinding,
  { body, headers, copy }: Message,
): Promise<BodyView | undefined> {
  const bytes = isStream(body) ? copy?.bytes : body;
  if (bytes === undefined || (binding.plan.body === undefined && binding.when === undefined)) return undefined;
  const { maxBodyBytes } = binding.plan.limits;
  const readsValue = binding.whenNeedsBody.request || binding.whenNeedsBody.response;
  const shown = await bodies.view(bytes, { binding: binding.plan, headers, captureBytes: maxBodyBytes, readsValue });
  return shown.kind === "shown" ? shown.view : undefined;
}
