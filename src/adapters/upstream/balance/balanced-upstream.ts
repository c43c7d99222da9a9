import { isStream } from "../../../model/byte-stream.ts";
import type { Cancel } from "../../../model/cancel.ts";
import type { Response } from "../../../model/exchange.ts";
import { err, ok, type Result } from "../../../model/result.ts";
import type { Clock } from "../../../ports/clock.ts";
import type { Log } from "../../../ports/log.ts";
import type { Metrics } from "../../../ports/metrics.ts";
import type { Upstream, UpstreamFailure, UpstreamRequest } from "../../../ports/upstream.ts";
import { KeptBody } from "../../../support/kept-body.ts";
import type { AttemptAnswer, AttemptFailure, OpenEndpoints } from "../endpoint-client.ts";
import type { Resolve } from "../dns/name-addresses.ts";
import { namedEndpoints } from "../dns/named-endpoints.ts";
import { isRepeatable } from "../repeatable.ts";
import { Endpoint } from "./endpoint.ts";
import { EndpointSignals, type OutOfService } from "./endpoint-signals.ts";
import { EndpointPicker } from "./endpoint-picker.ts";
import { HealthChecks } from "./health-checks.ts";
import { Retries } from "./retries.ts";
import type { UpstreamSettings } from "./upstream-settings.ts";

/** What an upstream is made with. */
export interface UpstreamDeps {
  /** What its endpoints are spoken to with. */
  readonly open: OpenEndpoints;
  /** How names of endpoints become addresses. */
  readonly resolve: Resolve;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly out: OutOfService;
  /** From 0 up to 1; spreads checks and repeats over time. Default: this process's. */
  readonly random?: () => number;
}

/**
 * One upstream of several endpoints: each request goes to one of those that are well, and perhaps, where nothing of it was sent
 * or repeating it does no harm, to another one. What is known of endpoints is kept here, so it outlives plans.
 */
export class BalancedUpstream implements Upstream {
  readonly #settings: UpstreamSettings;
  readonly #endpoints: readonly Endpoint[];
  readonly #picker: EndpointPicker;
  readonly #signals: EndpointSignals;
  readonly #retries: Retries;
  readonly #health: HealthChecks | undefined;
  /** Requests that are not sent yet. */
  #reserved = 0;
  #closing = false;

  constructor(settings: UpstreamSettings, deps: UpstreamDeps) {
    const { clock, random = Math.random } = deps;
    this.#settings = settings;
    this.#signals = new EndpointSignals({ name: settings.name, count: settings.endpoints.length }, deps);
    const open = namedEndpoints(deps.open(settings.timeouts, { clock }), {
      ...{ dns: settings.dns, signals: this.#signals, clock, random, resolve: deps.resolve },
    });
    this.#endpoints = settings.endpoints.map(
      (each, index) => new Endpoint(each, { index, client: open(each, index), breaker: settings.breaker, clock }),
    );
    this.#picker = new EndpointPicker(this.#endpoints, settings, this.#signals);
    this.#retries = new Retries(settings, {
      clock,
      random,
      signals: this.#signals,
      pick: (request, tried) => this.#picker.next(request.affinity, tried),
      attempt: (...attempt) => this.#attempt(...attempt),
      underWay: () => this.#underWay(),
    });
    this.#health =
      settings.health === undefined
        ? undefined
        : new HealthChecks(settings.health, { endpoints: this.#endpoints, clock, random, signals: this.#signals });
  }

  async send(request: UpstreamRequest, cancel: Cancel): Promise<Result<Response, UpstreamFailure>> {
    const refusal = this.#refusal();
    if (refusal !== undefined) return refused(request, refusal);
    const endpoint = this.#picker.next(request.affinity);
    if (endpoint === undefined) return refused(request, NO_ENDPOINT);
    const kept = this.#retries.mayComeTo(request) ? new KeptBody(request.body) : undefined;
    const sent = kept === undefined ? request : { ...request, body: kept };
    const startedMs = this.#settings.timeouts.totalMs === undefined ? 0 : this.#retries.nowMs();
    // the first attempt is not `#attempt`: a promise less for each request
    this.#signals.asked(endpoint.index);
    const attempt = endpoint.breaker.begin();
    let answer = await endpoint.client.send(sent, cancel);
    this.#picker.ended(endpoint, attempt, answer);
    if (this.#retries.concerns(answer))
      answer = await this.#retries.goOn({ request: sent, kept, cancel, startedMs }, endpoint, answer);
    kept?.settle();
    return answer.ok ? answer : err({ ...answer.error, mayBeSentElsewhere: mayGoElsewhere(answer.error, sent) });
  }

  reserve(): Result<() => void, UpstreamFailure> {
    const refusal = this.#refusal();
    if (refusal !== undefined) return err(refusal);
    this.#reserved += 1;
    let isLeft = false;
    return ok(() => {
      if (!isLeft) this.#reserved -= 1;
      isLeft = true;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing = true;
    this.#health?.stop();
    await Promise.all(this.#endpoints.map(({ client }) => client[Symbol.asyncDispose]()));
    this.#signals.close();
  }

  #underWay(): number {
    let count = 0;
    for (const { client } of this.#endpoints) count += client.underWay;
    return count;
  }

  #refusal(): UpstreamFailure | undefined {
    if (this.#closing) return { problem: "upstream_unreachable", cause: "the upstream is being closed" };
    const underWay = this.#underWay() + this.#reserved;
    if (underWay < this.#settings.maxRequests) return undefined;
    return { problem: "upstream_overloaded", cause: `${underWay} requests under way`, mayBeSentElsewhere: true };
  }

  async #attempt(
    endpoint: Endpoint,
    request: UpstreamRequest,
    cancel: Cancel,
    totalDueMs: number | undefined,
  ): Promise<AttemptAnswer> {
    this.#signals.asked(endpoint.index);
    const attempt = endpoint.breaker.begin();
    const answer = await endpoint.client.send(request, cancel, totalDueMs);
    this.#picker.ended(endpoint, attempt, answer);
    return answer;
  }
}

const NO_ENDPOINT: UpstreamFailure = {
  problem: "upstream_unreachable",
  cause: "no endpoint is in service: each failed too often in a row, or its health checks",
  mayBeSentElsewhere: true,
};

const mayGoElsewhere = ({ kind }: AttemptFailure, request: UpstreamRequest): boolean =>
  kind === "connect" || (kind !== "other" && isRepeatable(request));

function refused({ body }: UpstreamRequest, failure: UpstreamFailure): Result<Response, UpstreamFailure> {
  if (isStream(body)) body.discard();
  return err(failure);
}
