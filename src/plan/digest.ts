import type { BindingPlan } from "../model/plan.ts";
import { canonicalJson } from "../support/canonical-json.ts";
import { sha256Hex } from "../support/hash.ts";

/** Identity of a granted entry and its config (C30): changes when, and only when, what is enforced changes. */
export const bindingDigest = (binding: Omit<BindingPlan, "digest">): string => sha256Hex(canonicalJson(binding));

/** Identity of an operator's `config:`; empty without one. */
export const configDigest = (configJson: string): string => (configJson === "" ? "" : sha256Hex(configJson));

/** Identity of a whole plan, short enough to read aloud: the first 12 hex digits. */
export const revisionOf = (plan: unknown): string => sha256Hex(canonicalJson(plan)).slice(0, 12);
