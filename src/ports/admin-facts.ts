import type { ExecutionPlan } from "../model/plan.ts";
import type { JwkSet } from "./jwk-set.ts";

/** One reason why the gateway may be sent traffic, or not. */
export interface ReadinessCheck {
  readonly name: string;
  readonly ok: boolean;
  /** Whether it keeps the gateway from being ready; otherwise it is shown as degraded only (C32). */
  readonly critical: boolean;
  /** What is wrong, a fragment without secrets; empty when nothing is. */
  readonly reason: string;
}

/** Whether the gateway takes traffic. A latch: outages after the first readiness are degraded checks (C32); only draining ends it. */
export interface Readiness {
  readonly ready: boolean;
  checks(): readonly ReadinessCheck[];
}

/** What became of a reload. `revision` is the plan in force afterwards. */
export type ReloadOutcome =
  | { readonly kind: "swapped"; readonly revision: string; readonly warnings: readonly string[] }
  | { readonly kind: "unchanged"; readonly revision: string }
  /** The last known good plan stays. Issues are lines as `sallyport check` prints them. */
  | { readonly kind: "rejected"; readonly revision: string; readonly issues: readonly string[] };

/** Reads the configuration anew. */
export interface Reloader {
  /** Never rejects. Calls while one runs wait for it and get an outcome that includes what was on disk when they came. */
  reload(reason: "admin" | "signal" | "file"): Promise<ReloadOutcome>;
}

/** The plan in force, as data. */
export interface PlanView {
  plan(): ExecutionPlan;
}

/** Metrics as text. */
export interface MetricsText {
  readonly contentType: string;
  expose(): Promise<string>;
}

/** The gateway's public keys as they are now. */
export interface PublicKeys {
  jwks(): JwkSet;
}

/** One interceptor as it stands now. */
export interface InterceptorState {
  readonly name: string;
  readonly endpoint: string;
  readonly described: boolean;
  /** Of its manifest; empty before it was described. */
  readonly version: string;
  /** Binding ids with their phase, `assign-tenant (pre-route)`. */
  readonly granted: readonly string[];
  /** Declared by the manifest and not granted. */
  readonly ignored: readonly string[];
  /** Why the last attempt to reach or describe it failed; empty when it did not. */
  readonly lastError: string;
}

/** All interceptors of the plan in force, in the order of the file. */
export interface InterceptorStates {
  interceptors(): readonly InterceptorState[];
}
