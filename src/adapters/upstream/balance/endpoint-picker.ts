import type { Attempt } from "../../../support/breaker.ts";
import { dueToOpen, type Ejection } from "../../../support/ejection.ts";
import type { AttemptAnswer } from "../endpoint-client.ts";
import type { Endpoint } from "./endpoint.ts";
import { EndpointChoice } from "./endpoint-choice.ts";
import type { EndpointSignals } from "./endpoint-signals.ts";
import type { UpstreamSettings } from "./upstream-settings.ts";

/** Statuses by which something in front of the endpoint, or the endpoint itself, says that it cannot serve at all. */
const OUT_OF_ORDER: ReadonlySet<number> = new Set([502, 503, 504]);

/** Picks endpoints for requests, and gives those up for a while that fail. */
export class EndpointPicker {
  readonly #endpoints: readonly Endpoint[];
  readonly #choice: EndpointChoice<Endpoint>;
  readonly #signals: EndpointSignals;
  readonly #ejection: Ejection<Endpoint>;
  readonly #hasFallback: boolean;
  /** Endpoints that were given up; mostly none. */
  #open = 0;

  constructor(
    endpoints: readonly Endpoint[],
    { balance, breaker, hasFallback }: Pick<UpstreamSettings, "balance" | "breaker" | "hasFallback">,
    signals: EndpointSignals,
  ) {
    this.#endpoints = endpoints;
    this.#choice = new EndpointChoice(endpoints, balance);
    this.#signals = signals;
    this.#hasFallback = hasFallback;
    // where nobody stands in, the whole upstream is given up only if it cannot even be reached: other failures a client can bring about
    this.#ejection = {
      maxPercent: breaker.maxPercent,
      isLeft: ({ isServing, breaker: { isDue }, lastFailure }) =>
        isServing && !(isDue && (hasFallback || lastFailure === "connect")),
    };
  }

  /**
   * The endpoint for a request, or for a repeat of it when some were tried. One that was given up gets a request now and then, one
   * at a time, to see whether it is well. Undefined: none is in service, or all that are were tried.
   */
  next(affinity: string | undefined, tried: readonly Endpoint[] = NONE): Endpoint | undefined {
    const best = this.#choice.next(tried.length === 0 ? isServing : (each) => each.isServing && !tried.includes(each), affinity);
    // a repeat is no try: it goes to who is known to be well, if anybody is
    if (this.#open > 0 && (tried.length === 0 || best === undefined)) {
      const due = this.#dueForTry(best, tried);
      if (due !== undefined) return due;
    }
    if (best !== undefined || this.#hasFallback) return best;
    // health checks alone do not close an upstream nobody stands in for: they may be what is wrong
    return this.#choice.next((each) => each.breaker.isClosed && !tried.includes(each), affinity);
  }

  /** What an attempt came to, so that it is known who is well. */
  ended(endpoint: Endpoint, attempt: Attempt, answer: AttemptAnswer): void {
    const outcome = this.#outcomeOf(endpoint, answer);
    if (endpoint.breaker.end(attempt, outcome)) {
      this.#open -= 1;
      this.#signals.closed(endpoint);
    } else if (outcome === "failure") {
      for (const each of dueToOpen(endpoint, this.#endpoints, this.#ejection)) {
        each.breaker.open();
        this.#open += 1;
        this.#signals.opened(each);
      }
    }
  }

  #dueForTry(best: Endpoint | undefined, tried: readonly Endpoint[]): Endpoint | undefined {
    const isLastResort = best === undefined && !this.#hasFallback;
    return this.#endpoints.find(
      (each) =>
        (!each.isDown || isLastResort) &&
        (best === undefined || each.priority <= best.priority) &&
        each.breaker.mayTry(isLastResort) &&
        !tried.includes(each),
    );
  }

  #outcomeOf(endpoint: Endpoint, answer: AttemptAnswer): "success" | "failure" | "none" {
    if (answer.ok) {
      if (!OUT_OF_ORDER.has(answer.value.status)) return "success";
      endpoint.lastFailure = "status";
      return "failure";
    }
    if (answer.error.kind === "other") return "none";
    endpoint.lastFailure = answer.error.kind;
    return "failure";
  }
}

const NONE: readonly Endpoint[] = [];

const isServing = (endpoint: Endpoint): boolean => endpoint.isServing;
