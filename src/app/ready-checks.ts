import type { ReadinessCheck } from "../ports/admin-facts.ts";
import type { Built } from "./generations.ts";

/** What readiness looks at (C32): every interceptor was described; critical only for those with a fail-closed binding. */
export function readyChecks({ plan, manifests, undescribed }: Built): readonly ReadinessCheck[] {
  const config: ReadinessCheck = { name: "config", ok: true, critical: true, reason: "" };
  return [
    config,
    ...plan.interceptors.map(({ name, required }) => {
      const reason = undescribed.get(name);
      const described = manifests.has(name);
      return { name: `interceptor/${name}`, ok: reason === undefined, critical: required && !described, reason: reason ?? "" };
    }),
  ];
}
