import type { Probe } from "./probe.ts";

/** One thing a service must do. */
export interface ConformanceCase {
  /** Stable, unique, kebab-case. */
  readonly name: string;
  /** Where the contract says so: a section of RFC.md, or a rule. */
  readonly rule: string;
  /** What the service must do, one sentence without a period. */
  readonly requires: string;
  /** Longest time the case may take, milliseconds; default 20 s. */
  readonly maxMs?: number;
  /**
   * Resolves when the service conforms, with a remark where there is something to say. Throws `Finding` when it does not, and
   * `NotApplicable` when there is nothing to look at.
   */
  run(probe: Probe): Promise<string | void>;
}

/** How one case ended. */
export interface CaseReport {
  readonly name: string;
  readonly rule: string;
  readonly requires: string;
  readonly outcome: "pass" | "fail" | "skip";
  /** Why it failed or was skipped; of a pass, a remark or empty. */
  readonly reason: string;
  readonly tookMs: number;
}
