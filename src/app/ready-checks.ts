import type { ReadinessCheck } from "../ports/admin-facts.ts";
import type { Built } from "./built.ts";
import { interceptorTrouble } from "./interceptor-trouble.ts";

/** What readiness looks at (C32): every interceptor was described and is connected; critical only where it was not and guards something. */
export function readyChecks(built: Built): readonly ReadinessCheck[] {
  const config: ReadinessCheck = { name: "config", ok: true, critical: true, reason: "" };
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
