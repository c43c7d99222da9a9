import type { BodyFormat, FailurePolicy, Mode, Phase } from "@sallyport/contract/phase.ts";
import type { RoutePlan } from "./route-plan.ts";
import type { UpstreamPlan } from "./upstream-plan.ts";

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
