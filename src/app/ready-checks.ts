import type { ReadinessCheck } from "../ports/admin-facts.ts";
import type { ShownBuilt } from "./built.ts";
import { interceptorTrouble } from "./interceptor-trouble.ts";

/**
 * What readiness looks at (C32): every interceptor was described and is connected; critical only where it was not and guards something.
 * A configuration on disk that was rejected is shown, and keeps nobody away: the last good one is in force.
 */
export function readyChecks(built: ShownBuilt, rejection: readonly string[] | undefined): readonly ReadinessCheck[] {
  const config: ReadinessCheck = {
    name: "config",
    ok: rejection === undefined,
    critical: false,
    reason:
      rejection === undefined
        ? ""
        : `what is on disk was rejected, with ${rejection.length} ${rejection.length === 1 ? "problem" : "problems"}; see the log`,
  };
  return [
    config,
    ...built.plan.interceptors.map(({ name, required }) => {
      const reason = interceptorTrouble(built, name);
      return {
        name: `interceptor/${name}`,
        ok: reason === undefined,
        critical: required && !built.manifests.has(name),
        reason: reason ?? "",
      };
    }),
  ];
}
