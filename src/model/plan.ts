import type { BodyFormat, FailurePolicy, Mode, Phase } from "@sallyport/contract/phase.ts";
import type { ErrorFormat } from "./error-format.ts";

/** Ceilings the gateway enforces on one review. */
export interface ReviewLimits {
  /** Longest grant of time for one review, milliseconds. */
  readonly timeoutMs: number;
  /** Operations in one verdict. */
  readonly maxPatches: number;
  /** Encoded size of one verdict, bytes; enforced before decoding. */
  readonly maxResponseBytes: number;
  /** Decoded size of a body shown to the interceptor, bytes. */
  readonly maxBodyBytes: number;
}

/** What an operator may grant beyond patching declared fields (C1, C12, C23). */
export type Power = "reroute" | "respond" | "set-cookies";

/** Which exchanges a binding reviews: AND of the keys, OR within a list; an absent list means all. */
export interface Selector {
  /** Names of routes, `except_routes` and `route_labels` already resolved: the routes the binding can match at all. */
  readonly routes: readonly string[];
  readonly hosts?: readonly string[];
  /** Path patterns, in source form. */
  readonly paths?: readonly string[];
  readonly methods?: readonly string[];
  /** A second list of each, from the manifest: both must match. */
  readonly manifest: {
    readonly hosts?: readonly string[];
    readonly paths?: readonly string[];
    readonly methods?: readonly string[];
  };
  /** Principal ids. */
  readonly principals?: readonly string[];
  /** Label name to value. */
  readonly labels?: Readonly<Record<string, string>>;
  /** CEL over the full non-secret view (C22). */
  readonly when?: string;
}

/** One granted binding: operator's narrowing and manifest already intersected, defaults applied (C30). */
export interface BindingPlan {
  readonly interceptor: string;
  readonly id: string;
  readonly phase: Phase;
  readonly mode: Mode;
  /** `[interceptor order, binding order]`; lower runs earlier. */
  readonly order: readonly [number, number];
  readonly selector: Selector;
  readonly needs: readonly string[];
  readonly writes: readonly string[];
  readonly ownsHeaders: readonly string[];
  /** Request headers owned by other bindings that this one could write otherwise: not writable here (C10). */
  readonly foreignHeaders: readonly string[];
  readonly expose: readonly string[];
  readonly may: readonly Power[];
  /** How bodies are shown; undefined when neither needs nor writes touch one. */
  readonly body: BodyFormat | undefined;
  /** Content codings decoded for review. */
  readonly decode: readonly string[];
  readonly failurePolicy: FailurePolicy;
  readonly onUnreviewable: "refuse" | "skip";
  readonly idempotent: boolean;
  /** `shadow`: asked off the path and only counted (C33). Always `enforce` for observers. */
  readonly enforcement: "enforce" | "shadow";
  /** Share of exchanges a shadow binding reviews, 1 to 100; 100 for every other. */
  readonly percent: number;
  /** How verdicts may be reused; undefined: never (C34). */
  readonly cache: GrantedCachePlan | undefined;
  readonly limits: ReviewLimits;
  /** Operator's `config:` as JSON text; empty without one. */
  readonly configJson: string;
  /** SHA-256 of `configJson`, hex; empty without one. */
  readonly configDigest: string;
  /** SHA-256 over this entry: the identity of what is enforced (C30). */
  readonly digest: string;
  /** `false` until the interceptor answered Describe; such a binding fails `unavailable` (C32). */
  readonly described: boolean;
}

/** The operator's bounds on reusing a binding's verdicts (C34). */
export interface CachePlan {
  /** Longest time an allow is reused, milliseconds, whatever the verdict says. */
  readonly maxTtlMs: number;
  /** The same for a deny. */
  readonly maxNegativeTtlMs: number;
  /** Verdicts kept for the binding; beyond, the one unused for longest goes. */
  readonly maxEntries: number;
  /** Principal and tenant are no part of the key unless the view shows them. */
  readonly shared: boolean;
}

/** What of it applies to a binding whose service declared it cacheable. */
export interface GrantedCachePlan extends CachePlan {
  /** The service revokes by Watch: without that stream nothing is kept and nothing used (C34). */
  readonly revocable: boolean;
}

/** What a route offers of gRPC as HTTP and JSON. Methods are named `package.Service/Method`. */
export interface TranscodePlan {
  /** Full names, at least one. */
  readonly services: readonly string[];
  /** Each takes the place of what its method is annotated with. */
  readonly rules: readonly HttpRulePlan[];
  /** How streams of messages become server-sent events, by method; the others have neither ids nor names. */
  readonly sse: readonly EventStreamPlan[];
}

/** How the messages of a method become server-sent events. Fields are dotted paths; empty: none. */
export interface EventStreamPlan {
  readonly method: string;
  /** Field of the answer: the event's id. With `resume`, or not at all. */
  readonly id: string;
  /** Field of the request: the last id a client has seen. */
  readonly resume: string;
  /** Field or `oneof` of the answer: the event's name. */
  readonly event: string;
  /** Name of the gateway's own last event; empty: there is none. */
  readonly terminal: string;
  readonly retryMs: number;
  readonly keepAliveMs: number;
}

/** How a method is called by HTTP. */
export interface HttpRulePlan {
  readonly method: string;
  /** At least one. */
  readonly calls: readonly HttpCallPlan[];
}

/** One way to call a method: a rule of `google.api.http`, without its additional ones. */
export interface HttpCallPlan {
  /** Upper case; `*`: any. */
  readonly httpMethod: string;
  /** A template such as `/v1/{name=items/*}:watch`. */
  readonly path: string;
  /** `*`: the body is the message; a name: that field of it; empty: there is no body. */
  readonly body: string;
  /** A name: that field of the answer is the body; empty: all of it. */
  readonly responseBody: string;
}

/** One route, ready to be matched. */
export interface RoutePlan {
  readonly name: string;
  readonly listeners: readonly string[];
  readonly match: RouteMatchPlan;
  /** Names of authenticators in order; the last may be `anonymous`. */
  readonly authenticate: readonly string[];
  readonly upstream: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly maxBodyBytes: number;
  readonly reviewBudgetMs: number;
  readonly streaming: "auto" | "none" | "sse" | "websocket" | "grpc";
  readonly websocket: WebSocketPlan;
  readonly warnings: boolean;
  /** What is offered of gRPC as HTTP and JSON; undefined: nothing. */
  readonly transcode: TranscodePlan | undefined;
  /** How the gateway's own errors look. */
  readonly errorFormat: ErrorFormat;
  /** What becomes of the upstream's errors. */
  readonly upstreamErrors: UpstreamErrorsPlan;
  /** Which pages of other origins may use it from a browser (C27); undefined: not the gateway's to say. */
  readonly cors: CorsPlan | undefined;
  /** Indices into `ExecutionPlan.bindings`, in execution order over all phases. */
  readonly bindings: readonly number[];
  /** Interceptors not yet described whose fail-closed bindings may match: the route answers 503 (C32). */
  readonly guardedBy: readonly string[];
}

/**
 * What a client sees of an upstream's error: `verbatim` all of it; `opaque` its status, and a body of the gateway's; `bad-gateway` that
 * there was one: 502, `upstream_error`.
 */
export type UpstreamErrorPolicy = "verbatim" | "opaque" | "bad-gateway";

/** One for each class of status. */
export interface UpstreamErrorsPlan {
  /** 400 to 499. */
  readonly client: UpstreamErrorPolicy;
  /** 500 to 599. */
  readonly server: UpstreamErrorPolicy;
}

/** What pages of other origins may do with a route (Fetch standard, CORS protocol). */
export interface CorsPlan {
  /** Origins as browsers write them, `scheme://*.name` for every name below one; or `*` alone. At least one. */
  readonly origins: readonly string[];
  /** Upper case; undefined: whichever is asked for, since the route takes any. */
  readonly methods: readonly string[] | undefined;
  /** Request headers, lower case, beyond those that need no leave; undefined: whichever are asked for. */
  readonly headers: readonly string[] | undefined;
  /** Response headers scripts may read, lower case, or `*` alone. */
  readonly expose: readonly string[];
  /** How long a browser may remember the answer to a preflight, milliseconds. */
  readonly maxAgeMs: number;
  /** Whether cookies, client certificates and the like may come along. */
  readonly credentials: boolean;
  /** Whether pages of the public internet may ask a gateway in a private network. */
  readonly privateNetwork: boolean;
}

/** What an open WebSocket may do. */
export interface WebSocketPlan {
  /** Silence in both directions. */
  readonly idleMs: number;
  /** Of one message, over all its frames, as sent. */
  readonly maxMessageBytes: number;
}

/** The condition of a route. */
export interface RouteMatchPlan {
  /** Lower case; `*.example.org` matches one or more labels in front; empty means any. */
  readonly hosts: readonly string[];
  /** Path pattern in source form. */
  readonly path: string;
  /** Empty means any. */
  readonly methods: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
}

/** One interceptor as the plan knows it. */
export interface InterceptorPlan {
  readonly name: string;
  readonly endpoints: readonly string[];
  readonly described: boolean;
  /** Of the manifest; empty before it was described. */
  readonly version: string;
  readonly grant: "allowlist" | "exact" | "dynamic";
  readonly maxConcurrentReviews: number;
  readonly maxPendingReviews: number;
  /** Whether any of its bindings is fail-closed: readiness waits for it (C32). */
  readonly required: boolean;
}

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

/** A credential slot: where in a request a credential may stand. */
export type CredentialSlot =
  | OwnCredentialSlot
  /** A subprotocol a client offers for a WebSocket: this prefix, in lower case, and behind it the credential. */
  | { readonly kind: "websocket-protocol"; readonly prefix: string };

/** Where the gateway puts a credential of its own. */
export type OwnCredentialSlot =
  | { readonly kind: "bearer" }
  | { readonly kind: "header"; readonly name: string }
  | { readonly kind: "query"; readonly name: string };

/** The compiled configuration: pure data, serialisable, frozen. One serves an exchange from first byte to last. */
export interface ExecutionPlan {
  /** Hash over everything below but the warnings. */
  readonly revision: string;
  readonly routes: readonly RoutePlan[];
  /** Sorted in execution order within each phase. */
  readonly bindings: readonly BindingPlan[];
  readonly interceptors: readonly InterceptorPlan[];
  readonly upstreams: readonly UpstreamPlan[];
  readonly authenticators: readonly { readonly name: string; readonly type: string; readonly slots: readonly string[] }[];
  /**
   * Never shown (C23): credential slots of the whole plan and the operator's own list. Names of headers, in lower case, and of query
   * parameters; prefixes of subprotocols, in lower case.
   */
  readonly hidden: {
    readonly headers: readonly string[];
    readonly query: readonly string[];
    readonly subprotocols: readonly string[];
  };
  readonly warnings: readonly string[];
}
