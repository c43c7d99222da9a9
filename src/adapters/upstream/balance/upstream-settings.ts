import type { HealthPlan, OutlierPlan, RetryPlan, UpstreamPlan } from "../../../model/upstream-plan.ts";
import type { EndpointAddress, UpstreamTimeouts } from "../endpoint-client.ts";

/** One named upstream. */
export interface UpstreamSettings {
  readonly name: string;
  /** At least one, no two alike. */
  readonly endpoints: readonly EndpointSettings[];
  readonly balance: UpstreamPlan["balance"];
  readonly timeouts: UpstreamTimeouts;
  /** Requests under way at once, over all endpoints; beyond: `upstream_overloaded`. */
  readonly maxRequests: number;
  readonly breaker: OutlierPlan;
  readonly retry: RetryPlan;
  /** Undefined: endpoints are judged by what they answer alone. */
  readonly health: HealthPlan | undefined;
  readonly dns: UpstreamPlan["dns"];
  /** Others stand in where no endpoint is well; without, one that may be unwell is better than none. */
  readonly hasFallback: boolean;
}

/** One of its endpoints. */
export interface EndpointSettings extends EndpointAddress {
  readonly weight: number;
  readonly priority: number;
}
