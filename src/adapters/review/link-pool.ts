import { err, ok, type Result } from "../../model/result.ts";
import type { ReviewFailure } from "../../model/review-failure.ts";
import type { Log } from "../../ports/log.ts";
import { dueToOpen, type Ejection } from "../../support/ejection.ts";
import type { InterceptorLink, Place } from "./link.ts";

/** Who asks for a link. */
export interface PickTerms {
  /** A review that decides: it may try an endpoint that failed, and its outcome counts. Observers and shadows do neither. */
  readonly decides: boolean;
  /** Where the first attempt was; another one is better. */
  readonly avoid?: InterceptorLink | undefined;
}

/**
 * Chooses the endpoint for each attempt: of those that serve the one with the fewest reviews in flight, in turn where several have the
 * fewest. And decides which of them may be given up for failing.
 */
export class LinkPool {
  readonly links: readonly InterceptorLink[];
  readonly #interceptor: string;
  readonly #log: Log;
  #turn = 0;

  constructor(links: readonly InterceptorLink[], { interceptor, log }: { readonly interceptor: string; readonly log: Log }) {
    this.links = links;
    this.#interceptor = interceptor;
    this.#log = log;
  }

  /** See `InterceptorChannel.receiveLimitBytes`: all links have the same. */
  get receiveLimitBytes(): number {
    return this.links[0]?.channel.receiveLimitBytes ?? 0;
  }

  /** A place at the best link, or why there is none. */
  take({ decides, avoid }: PickTerms): Result<Place, ReviewFailure> {
    this.#turn += 1;
    const best = this.#best(rankServing, avoid);
    const link = (decides ? this.#tryable(best === undefined) : undefined) ?? best ?? this.#waiting(avoid);
    return link === undefined ? err(this.#refusal()) : ok(link.begin(decides));
  }

  /** Why no review can be begun now; undefined where one can. Asked before a review waits in a queue. */
  refusal(decides: boolean): ReviewFailure | undefined {
    const possible = this.#best(rankServing) ?? (decides ? this.#tryable(true) : undefined) ?? this.#waiting();
    return possible === undefined ? this.#refusal() : undefined;
  }

  /** Whether another link than this one serves. */
  servesBeside(link: InterceptorLink): boolean {
    return this.links.some((other) => other !== link && rankServing(other) !== undefined);
  }

  /**
   * An attempt at this link failed. Up to half of the links are given up one by one: the others stand in for them. Beyond that it is
   * not one endpoint that fails but the service, and then all that failed are given up together, once none is left that did not.
   */
  failed(link: InterceptorLink): void {
    for (const each of dueToOpen(link, this.links, EJECTION)) this.#open(each);
  }

  /** The breaker of this link closed. */
  closed({ url }: InterceptorLink): void {
    this.#log.write("info", "breaker_closed", { interceptor: this.#interceptor, endpoint: url });
  }

  #open(link: InterceptorLink): void {
    link.breaker.open();
    this.#log.write("warn", "breaker_opened", { interceptor: this.#interceptor, endpoint: link.url });
    // the connection itself may be dead without anybody having said so: what is tried is a new one
    link.channel.reconnect();
  }

  /** The first by rank, reviews in flight, and turn. Links without a rank are none. */
  #best(rankOf: (link: InterceptorLink) => number | undefined, avoid?: InterceptorLink): InterceptorLink | undefined {
    const { links } = this;
    let best: InterceptorLink | undefined;
    let bestRank = 0;
    for (let step = 0; step < links.length; step += 1) {
      const link = links[(this.#turn + step) % links.length];
      if (link === undefined) continue;
      const rank = rankOf(link);
      if (rank === undefined) continue;
      const adjusted = link === avoid ? rank + AVOIDED : rank;
      if (best === undefined || adjusted < bestRank || (adjusted === bestRank && link.inFlight < best.inFlight)) {
        best = link;
        bestRank = adjusted;
      }
    }
    return best;
  }

  /** One that was given up and may be tried. */
  #tryable(isAlone: boolean): InterceptorLink | undefined {
    return this.links.find((link) => link.isReachable && link.breaker.mayTry(isAlone));
  }

  /** Where nobody is connected a review may wait for who is being connected to. */
  #waiting(avoid?: InterceptorLink): InterceptorLink | undefined {
    return this.links.some(({ channel }) => channel.connected) ? undefined : this.#best(rankConnecting, avoid);
  }

  #refusal(): ReviewFailure {
    const count = this.links.length === 1 ? "the endpoint" : `${this.links.length} endpoints`;
    const isOpen = this.links.some(({ breaker }) => breaker.state !== "closed");
    return isOpen
      ? { kind: "unavailable", reason: "breaker_open", message: `the breaker is open: ${count} failed too often in a row` }
      : { kind: "unavailable", reason: "not_serving", message: `${count} said that no calls are taken` };
  }
}

/** Half of them at most are given up one by one; one is left where it is reachable and did not fail. */
const EJECTION: Ejection<InterceptorLink> = {
  maxPercent: 50,
  isLeft: ({ isReachable, breaker }) => isReachable && breaker.isClosed && !breaker.isDue,
};

/** More than any rank. */
const AVOIDED = 10;

/** Those that were described over their connection and declare what is in force come first: the others may refuse what they are asked. */
function rankServing(link: InterceptorLink): number | undefined {
  if (!link.isReachable || link.breaker.state !== "closed") return undefined;
  return RANK[link.manifest];
}

const RANK = { same: 0, unknown: 1, other: 2, refused: 3 } as const;

const rankConnecting = (link: InterceptorLink): number | undefined => (link.breaker.state === "closed" ? 0 : undefined);
