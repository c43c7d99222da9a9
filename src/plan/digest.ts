import type { BindingPlan } from "../model/plan.ts";
import { canonicalJson } from "../support/canonical-json.ts";
import { sha256Hex } from "../support/hash.ts";

/** Identity of a granted entry and its config (C30): changes when, and only when, what is enforced changes. Every list of names is a set. */
export const bindingDigest = (binding: Omit<BindingPlan, "digest">): string => sha256Hex(canonicalJson(withSortedNames(binding)));

function withSortedNames(value: unknown): unknown {
  if (Array.isArray(value))
    return value.every((item) => typeof item === "string") ? value.toSorted() : value.map(withSortedNames);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, withSortedNames(member)]));
}

/** Identity of an operator's `config:`; empty without one. */
export const configDigest = (configJson: string): string => (configJson === "" ? "" : sha256Hex(configJson));

/** Identity of a whole plan, short enough to read aloud: the first 12 hex digits. */
export const revisionOf = (plan: unknown): string => sha256Hex(canonicalJson(plan)).slice(0, 12);
