import type { LoadedConfig } from "../config/load-config.ts";
import type { Manifest } from "../model/manifest.ts";
import type { ExecutionPlan } from "../model/plan.ts";
import type { ReviewClient } from "../ports/review-client.ts";
import type { Generation } from "./plan-holder.ts";

/** What is shown of a generation to those who watch it. */
export interface ShownBuilt extends Pick<Built, "plan" | "manifests" | "undescribed"> {
  readonly clients: ReadonlyMap<string, Pick<ReviewClient, "status">>;
}

/** A generation that could run, and what it was made of. */
export interface Built {
  readonly generation: Generation;
  readonly plan: ExecutionPlan;
  readonly loaded: LoadedConfig;
  readonly manifests: ReadonlyMap<string, Manifest>;
  readonly clients: ReadonlyMap<string, ReviewClient>;
  /** Per interceptor, the `trust` of its client. */
  readonly trusts: ReadonlyMap<string, string>;
  /** Interceptors that did not answer, with the reason. */
  readonly undescribed: ReadonlyMap<string, string>;
}
