import { isStream } from "../../../model/byte-stream.ts";
import { CancelSource } from "../../../model/cancel.ts";
import { HeaderLines } from "../../../model/header-lines.ts";
import type { HealthPlan } from "../../../model/upstream-plan.ts";
import type { Clock } from "../../../ports/clock.ts";
import { collect } from "../../../support/byte-streams.ts";
import type { Endpoint } from "./endpoint.ts";
import type { EndpointSignals } from "./endpoint-signals.ts";

/** More of an answer than this is not read. */
const MAX_ANSWER_BYTES = 64 * 1024;

/** The first check of an endpoint comes within this time, or the interval where that is shorter. */
const FIRST_WITHIN_MS = 1_000;

/** Intervals are longer or shorter by up to this part, so that gateways do not check in step. */
const JITTER = 0.1;

interface HealthDeps {
  readonly endpoints: readonly Endpoint[];
  readonly clock: Clock;
  /** From 0 up to 1. */
  readonly random: () => number;
  readonly signals: EndpointSignals;
}

/**
 * Asks every endpoint now and then whether it is well, off the way of requests: one check of an endpoint at a time, each with a
 * deadline. An endpoint is well until it failed several in a row.
 */
export class HealthChecks {
  readonly #terms: HealthPlan;
  readonly #deps: HealthDeps;
  readonly #stops = new Map<Endpoint, () => void>();
  /** Checks in a row that said otherwise than what holds. */
  readonly #contrary = new Map<Endpoint, number>();
  readonly #closing = new CancelSource();

  constructor(terms: HealthPlan, deps: HealthDeps) {
    this.#terms = terms;
    this.#deps = deps;
    const withinMs = Math.min(terms.intervalMs, FIRST_WITHIN_MS);
    for (const endpoint of deps.endpoints) this.#checkIn(endpoint, withinMs * deps.random());
  }

  /** No further checks; those under way are given up. */
  stop(): void {
    this.#closing.abort();
    for (const stop of this.#stops.values()) stop();
    this.#stops.clear();
  }

  #checkIn(endpoint: Endpoint, delayMs: number): void {
    this.#stops.set(
      endpoint,
      this.#deps.clock.after(delayMs, () => void this.#check(endpoint)),
    );
  }

  async #check(endpoint: Endpoint): Promise<void> {
    const fault = await this.#faultOf(endpoint);
    if (this.#closing.aborted) return;
    this.#take(endpoint, fault);
    this.#checkIn(endpoint, this.#terms.intervalMs * (1 + JITTER * (2 * this.#deps.random() - 1)));
  }

  #take(endpoint: Endpoint, fault: string | undefined): void {
    const isContrary = endpoint.isDown === (fault === undefined);
    const inARow = isContrary ? (this.#contrary.get(endpoint) ?? 0) + 1 : 0;
    this.#contrary.set(endpoint, inARow);
    if (inARow < (endpoint.isDown ? this.#terms.healthy : this.#terms.unhealthy)) return;
    if (!isContrary) return;
    this.#contrary.set(endpoint, 0);
    endpoint.isDown = !endpoint.isDown;
    if (endpoint.isDown) this.#deps.signals.down(endpoint, fault ?? "");
    else this.#deps.signals.up(endpoint);
  }

  /** Undefined: it is well. */
  async #faultOf({ client, url }: Endpoint): Promise<string | undefined> {
    const { path, host, timeoutMs } = this.#terms;
    const { source, release } = CancelSource.under(this.#closing);
    const stop = this.#deps.clock.after(timeoutMs, () => source.abort());
    try {
      const headers = HeaderLines.of(["host", host ?? new URL(url).host], ["user-agent", "sallyport-health"]);
      const answer = await client.send({ method: "GET", requestTarget: path, headers, body: undefined }, source);
      if (!answer.ok) return source.aborted ? `no answer within ${timeoutMs} ms` : answer.error.cause;
      const { status, body } = answer.value;
      // read to its end, so that the connection can be used again
      const read = isStream(body) ? await collect(body, { maxBytes: MAX_ANSWER_BYTES }) : undefined;
      if (source.aborted) return `no answer within ${timeoutMs} ms`;
      if (read?.kind === "broken") return "the answer broke off";
      if (read !== undefined && read.kind !== "complete") read.rest.discard();
      return this.#isWell(status) ? undefined : `status ${status}`;
    } finally {
      stop();
      release();
    }
  }

  #isWell(status: number): boolean {
    const { statuses } = this.#terms;
    return statuses.length === 0 ? status >= 200 && status <= 299 : statuses.includes(status);
  }
}
