import type { ExecutionPlan } from "../model/plan.ts";
import type { JwkSet } from "./jwk-set.ts";
import type { EndpointStatus } from "./review-client.ts";

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
  | {
      readonly kind: "swapped";
      readonly revision: string;
      readonly warnings: readonly string[];
      /** What is otherwise than before, see PlanChange. */
      readonly changes: readonly string[];
    }
  | { readonly kind: "unchanged"; readonly revision: string }
  /** The last known good plan stays. Issues are lines as `sallyport check` prints them. */
  | { readonly kind: "rejected"; readonly revision: string; readonly issues: readonly string[] };

/** Reads the configuration anew. */
export interface Reloader {
  /** Never rejects. Calls while one runs wait for it and get an outcome that includes what was on disk when they came. */
  reload(reason: "admin" | "signal" | "file"): Promise<ReloadOutcome>;
}

/** One change of the plan in force. */
export interface PlanChange {
  /** Wall clock, RFC 3339 in UTC. */
  readonly at: string;
  /** `admin`, `signal`, `file`, `retry`, or `manifest of <interceptor>`. */
  readonly reason: string;
  /** Revisions. */
  readonly from: string;
  readonly to: string;
  /** Lines for people, without secrets: at most 200, and one that counts the rest. */
  readonly changes: readonly string[];
}

/** The plan in force, as data. */
export interface PlanView {
  plan(): ExecutionPlan;
  /** Its last changes, newest first, at most 16. */
  history(): readonly PlanChange[];
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

/** Forgets kept verdicts. */
export interface VerdictRevoker {
  /** Those of an interceptor with any of these tags, everywhere in this gateway before it answers, in all of its workers; how many there were. Undefined: no interceptor has this name. Never rejects. */
  revoke(interceptor: string, tags: readonly string[]): number | undefined | Promise<number | undefined>;
}

/** Which workers a roll replaced, by number, and which it did not because no successor began. */
export interface RollOutcome {
  readonly replaced: readonly number[];
  readonly kept: readonly number[];
}

/** Replaces workers. */
export interface WorkerRoller {
  /** All of them, one after the other; undefined: there are none. Calls that come while one runs share its outcome. Never rejects. */
  roll(): Promise<RollOutcome> | undefined;
}

/** A manifest that is not in force: the interceptor changed it, and an operator's reload would take it (C30). */
export interface ManifestDrift {
  readonly version: string;
  /** Of the new manifest. */
  readonly digest: string;
  /** What it would change, lines as in PlanChange. */
  readonly changes: readonly string[];
  /** Why a reload would refuse it; empty when it would not. */
  readonly issues: readonly string[];
}

/** One interceptor as it stands now. */
export interface InterceptorState {
  readonly name: string;
  /** In the order of the file. */
  readonly endpoints: readonly EndpointStatus[];
  readonly described: boolean;
  /** Of its manifest; empty before it was described. */
  readonly version: string;
  /** Of the manifest in force, as `manifest_digest` pins it; empty before it was described. */
  readonly manifestDigest: string;
  /** Binding ids with their phase, `assign-tenant (pre-route)`. */
  readonly granted: readonly string[];
  /** Declared by the manifest and not granted. */
  readonly ignored: readonly string[];
  /** Undefined while what it says is what is in force. */
  readonly drift: ManifestDrift | undefined;
  /** Why the last attempt to reach or describe it failed; empty when it did not. */
  readonly lastError: string;
}

/** All interceptors of the plan in force, in the order of the file. */
export interface InterceptorStates {
  interceptors(): readonly InterceptorState[];
}
