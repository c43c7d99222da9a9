import type { ExpectedVerdict } from "@sallyport/contract/verdict.ts";
import type { BindingPlan } from "../../model/plan.ts";
import { PROBLEMS } from "../../model/problem.ts";

/** What a verdict of a binding may hold (C9, C23): the same for all its reviews. */
export function expectedVerdict(binding: BindingPlan): Omit<ExpectedVerdict, "reviewId"> {
  const side = binding.phase === "post-response" ? "response" : "request";
  const prefix = `/${side}/headers/`;
  // a granted container of headers is no grant of each of them on a denial
  const granted = new Set(
    binding.writes.filter((pointer) => pointer.startsWith(prefix)).map((pointer) => pointer.slice(prefix.length)),
  );
  return {
    maxPatches: binding.limits.maxPatches,
    reservedCodes: RESERVED_CODES,
    mayCarry: (name) => granted.has(name),
    maySetCookies: binding.may.includes("set-cookies"),
  };
}

/** Codes that name what the gateway itself says. */
const RESERVED_CODES: ReadonlySet<string> = new Set(Object.keys(PROBLEMS));
