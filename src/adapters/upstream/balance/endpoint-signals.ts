import { METRICS } from "../../../model/metrics-table.ts";
import type { Log } from "../../../ports/log.ts";
import type { Counter, Metrics } from "../../../ports/metrics.ts";
import type { Endpoint } from "./endpoint.ts";

/** An endpoint by where it is and its place in the file. */
type Place = Pick<Endpoint, "url" | "index">;

/** A name may stand for many. */
const MAX_LOGGED_ADDRESSES = 8;

/** What is told of an upstream's endpoints: a line for each change, counters, and who is out of service. Labels are its name and the endpoint's place in the file. */
export class EndpointSignals {
  readonly #upstream: string;
  readonly #log: Log;
  readonly #metrics: Metrics;
  readonly #out: OutOfService;
  readonly #outNow = new Set<number>();
  readonly #requests: readonly Counter[];
  /** Repeats that were made, and those the budget did not allow. */
  readonly retries: { readonly sent: Counter; readonly refused: Counter };

  constructor(
    { name, count }: { readonly name: string; readonly count: number },
    deps: { readonly log: Log; readonly metrics: Metrics; readonly out: OutOfService },
  ) {
    this.#upstream = name;
    this.#log = deps.log;
    this.#metrics = deps.metrics;
    this.#out = deps.out;
    const labels = Array.from({ length: count }, (_, index) => [name, String(index)]);
    this.#requests = labels.map((each) => deps.metrics.counter(METRICS.upstreamEndpointRequests, each));
    for (const each of labels) deps.out.show(each);
    this.retries = {
      sent: deps.metrics.counter(METRICS.upstreamRetries, [name, "sent"]),
      refused: deps.metrics.counter(METRICS.upstreamRetries, [name, "refused"]),
    };
  }

  /** A request goes to that endpoint. */
  asked(index: number): void {
    this.#requests[index]?.add();
  }

  /** It failed too often in a row. */
  opened(endpoint: Endpoint): void {
    this.#metrics.counter(METRICS.upstreamEjections, [this.#upstream, String(endpoint.index)]).add();
    this.#tell("warn", "breaker_opened", endpoint, { last_failure: endpoint.lastFailure, open_ms: endpoint.breaker.pauseMs });
  }

  /** It answered a try. */
  closed(endpoint: Endpoint): void {
    this.#tell("info", "breaker_closed", endpoint);
  }

  /** It failed its health checks; `reason`: the last one. */
  down(endpoint: Endpoint, reason: string): void {
    this.#tell("warn", "endpoint_down", endpoint, { reason });
  }

  /** It passes them again. */
  up(endpoint: Endpoint): void {
    this.#tell("info", "endpoint_up", endpoint);
  }

  /** Its name stands for other addresses than before. */
  resolved(place: Place, addresses: readonly string[]): void {
    this.#line("info", "endpoint_addresses_changed", place, { addresses: addresses.slice(0, MAX_LOGGED_ADDRESSES) });
  }

  /** Its name was not resolved; the addresses known stay in use. */
  unresolved(place: Place, reason: string): void {
    this.#metrics.counter(METRICS.upstreamDnsFailures, [this.#upstream, String(place.index)]).add();
    this.#line("warn", "endpoint_not_resolved", place, { reason });
  }

  resolvedAgain(place: Place): void {
    this.#line("info", "endpoint_resolved", place);
  }

  /** The upstream is closed: nothing of it is out of service any more. */
  close(): void {
    for (const index of this.#outNow) this.#out.leave([this.#upstream, String(index)]);
    this.#outNow.clear();
  }

  #line(level: "info" | "warn", event: string, { url, index }: Place, more: Readonly<Record<string, unknown>> = {}): void {
    this.#log.write(level, event, { upstream: this.#upstream, endpoint: url, endpoint_index: index, ...more });
  }

  #tell(level: "info" | "warn", event: string, endpoint: Endpoint, more: Readonly<Record<string, unknown>> = {}): void {
    const { index, isServing } = endpoint;
    this.#line(level, event, endpoint, more);
    if (isServing === !this.#outNow.has(index)) return;
    const labels = [this.#upstream, String(index)];
    if (isServing) {
      this.#outNow.delete(index);
      this.#out.leave(labels);
    } else {
      this.#outNow.add(index);
      this.#out.enter(labels);
    }
  }
}

/** Endpoints out of service, of all upstreams of a process: one of a plan that is on its way out and one of the next may share their labels. */
export class OutOfService {
  readonly #metrics: Metrics;
  /** How many say so, by label set. Bounded by what plans name. */
  readonly #counts = new Map<string, number>();

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
  }

  /** Makes the series appear. */
  show(labels: readonly string[]): void {
    this.#change(labels, 0);
  }

  enter(labels: readonly string[]): void {
    this.#change(labels, 1);
  }

  leave(labels: readonly string[]): void {
    this.#change(labels, -1);
  }

  #change(labels: readonly string[], by: number): void {
    const name = labels.join("/");
    const count = (this.#counts.get(name) ?? 0) + by;
    if (count > 0) this.#counts.set(name, count);
    else this.#counts.delete(name);
    this.#metrics.gauge(METRICS.upstreamEndpointOut, labels).set(count > 0 ? 1 : 0);
  }
}
