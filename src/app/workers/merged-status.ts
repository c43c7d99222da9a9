import type { EndpointState, EndpointStatus, ReviewClientStatus } from "../../ports/review-client.ts";

/** From well to worst. */
const BY_BADNESS: readonly EndpointState[] = ["serving", "not-serving", "half-open", "open", "connecting"];

/**
 * How an interceptor stands for the whole gateway: each endpoint as in the process that sees it worst, what is counted summed up. `own` is
 * the control process's; the workers' may be of a plan before, and endpoints that are not in `own` are left out.
 */
export function mergedStatus(own: ReviewClientStatus, workers: readonly ReviewClientStatus[]): ReviewClientStatus {
  const all = [own, ...workers];
  const fault = all.find((status) => status.fault !== undefined)?.fault;
  return {
    connected: all.every(({ connected }) => connected),
    endpoints: own.endpoints.map(({ url }) =>
      mergedEndpoint(
        url,
        all.flatMap(({ endpoints }) => endpoints.filter((each) => each.url === url)),
      ),
    ),
    pendingReviews: sum(all.map(({ pendingReviews }) => pendingReviews)),
    cachedVerdicts: sum(all.map(({ cachedVerdicts }) => cachedVerdicts)),
    ...(fault === undefined ? {} : { fault }),
  };
}

function mergedEndpoint(url: string, seen: readonly EndpointStatus[]): EndpointStatus {
  const worst = Math.max(0, ...seen.map(({ state }) => BY_BADNESS.indexOf(state)));
  const fault = seen.find((each) => each.fault !== undefined)?.fault;
  return {
    url,
    state: BY_BADNESS[worst] ?? "connecting",
    inFlight: sum(seen.map(({ inFlight }) => inFlight)),
    ...(fault === undefined ? {} : { fault }),
  };
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0);
