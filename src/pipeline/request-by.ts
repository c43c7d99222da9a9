import type { Exchange } from "../model/exchange.ts";
import type { ToUpstream } from "../ports/runnable-plan.ts";
import type { ExchangeRun } from "./exchange-run.ts";
import { kindOf, underDeadline } from "./grpc.ts";
import { wantsBody } from "./wanted-bodies.ts";

/** The request as it leaves for one upstream, or that there is no time left for it. */
export function requestBy(toUpstream: ToUpstream, run: ExchangeRun): ReturnType<typeof underDeadline> {
  const readsResponseBody = run.matched.some((binding) => wantsBody(binding, "response"));
  const request = toUpstream(withoutLeftCredentials(run), { readsResponseBody });
  return kindOf(run.exchange) === undefined ? { request } : underDeadline(run, request);
}

/** What a moved request showed to the routes it left stops here too. */
function withoutLeftCredentials({ exchange, left }: ExchangeRun): Exchange {
  if (left.length === 0) return exchange;
  return { ...exchange, head: left.reduce((head, route) => route.withoutCredentials(head), exchange.head) };
}
