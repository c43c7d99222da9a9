/** One upstream as the plan knows it; secrets are not in it. */
export interface UpstreamPlan {
  readonly name: string;
  readonly protocol: "http" | "http2" | "grpc";
  readonly endpoints: readonly EndpointPlan[];
  readonly balance: "round-robin" | "least-request" | "weighted" | "hash";
  /** What requests to the same endpoint have in common, as written; empty without `hash`. */
  readonly hashBy: string;
  readonly maxRequests: number;
  readonly breaker: OutlierPlan;
  readonly health: HealthPlan | undefined;
  readonly retry: RetryPlan;
  /** Undefined: in the clear. */
  readonly tls:
    | {
        /** Undefined: each endpoint's host. */
        readonly serverName: string | undefined;
        readonly authorities: "own" | "system";
        readonly showsCertificate: boolean;
      }
    | undefined;
  readonly dns: { readonly refreshMs: number; readonly timeoutMs: number };
  /** Names of the upstreams asked in its place where it gave no response, in order. */
  readonly fallback: readonly string[];
  /** Those asked in its place where its response says so. */
  readonly fallbackOn: readonly ResponseFallback[];
  readonly timeouts: {
    readonly connectMs: number;
    readonly firstByteMs: number;
    readonly idleMs: number;
    readonly totalMs: number | undefined;
  };
  /** SHA-256 of the descriptor set, hex; undefined: none. */
  readonly descriptorSetDigest: string | undefined;
  /** Slot the gateway's own credential is put into; undefined: the request leaves without one. */
  readonly credentialSlot: string | undefined;
}

/** An upstream that is asked where another one's response says that it will not serve this client, or not from here. */
export interface ResponseFallback {
  readonly upstream: string;
  /** At least one. */
  readonly statuses: readonly number[];
  /** What must stand in the response's body; undefined: the status says it all. */
  readonly bodyContains: string | undefined;
  /** Largest request body that is kept to be sent again, bytes. */
  readonly maxBodyBytes: number;
}

/** One endpoint of an upstream. */
export interface EndpointPlan {
  readonly url: string;
  /** Its share of the requests, against the others'. */
  readonly weight: number;
  /** Endpoints with a higher number are used while none with a lower one is in service. */
  readonly priority: number;
}

/** What requests have in common that should meet the same endpoint. */
export type HashBy =
  | { readonly kind: "client-address" | "principal" | "tenant" }
  /** Lower case. */
  | { readonly kind: "header"; readonly name: string };

/** When an endpoint of an upstream is given up for a while. */
export interface OutlierPlan {
  /** Failures in a row; 0: never. */
  readonly failures: number;
  /** They count while they are no older, milliseconds. */
  readonly windowMs: number;
  /** First pause, doubled while the tries fail, and the longest, milliseconds. */
  readonly openMs: number;
  readonly longestOpenMs: number;
  /** Of all endpoints, 0 to 100: as many may be given up one by one. */
  readonly maxPercent: number;
}

/** How endpoints of an upstream are asked whether they are well. */
export interface HealthPlan {
  /** Path and query. */
  readonly path: string;
  /** Of the host line; undefined: the endpoint's own. */
  readonly host: string | undefined;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** Checks in a row that bring an endpoint back, or take it out. */
  readonly healthy: number;
  readonly unhealthy: number;
  /** Empty: 200 to 299. */
  readonly statuses: readonly number[];
}

/** When a request is sent once more. */
export interface RetryPlan {
  /** In all; 1: none is repeated. */
  readonly attempts: number;
  readonly on: readonly ("connect" | "reset" | "timeout")[];
  readonly statuses: readonly number[];
  /** Before the same endpoint is asked again, milliseconds. */
  readonly backoffMs: number;
  /** Repeats under way at once: a percentage of all requests under way, or this many if that is more. */
  readonly budget: { readonly percent: number; readonly min: number };
}
