import type { OutlierPlan } from "../../../model/upstream-plan.ts";
import type { Clock } from "../../../ports/clock.ts";
import { Breaker } from "../../../support/breaker.ts";
import type { AttemptFailureKind, EndpointClient } from "../endpoint-client.ts";
import type { Choosable } from "./choosable.ts";
import type { EndpointSettings } from "./upstream-settings.ts";

/** Where nobody stands in for it, one that came back should be noticed within a second (R7). */
const ALONE = { firstMs: 100, longestMs: 1_000 };

/** One endpoint of an upstream: its connections, and what is thought of it. */
export class Endpoint implements Choosable {
  readonly url: string;
  readonly weight: number;
  readonly priority: number;
  /** Its place in the file, from 0. */
  readonly index: number;
  readonly client: EndpointClient;
  readonly breaker: Breaker;
  /** It failed its health checks. */
  isDown = false;
  /** How it failed last; undefined: it did not. */
  lastFailure: AttemptFailureKind | "status" | undefined;

  constructor(
    { url, weight, priority }: EndpointSettings,
    parts: { readonly index: number; readonly client: EndpointClient; readonly breaker: OutlierPlan; readonly clock: Clock },
  ) {
    this.url = url;
    this.weight = weight;
    this.priority = priority;
    this.index = parts.index;
    this.client = parts.client;
    this.breaker = new Breaker({ ...parts.breaker, alone: ALONE }, parts.clock);
  }

  get inFlight(): number {
    return this.client.underWay;
  }

  /** It is asked: it neither failed its health checks nor was given up. */
  get isServing(): boolean {
    return this.breaker.isClosed && !this.isDown;
  }
}
