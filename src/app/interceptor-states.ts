import type { InterceptorState, InterceptorStates } from "../ports/admin-facts.ts";
import type { Built } from "./built.ts";
import { interceptorTrouble } from "./interceptor-trouble.ts";

/** What `/admin/interceptors` shows: who was described, what was granted, what was asked for and ignored. */
export function interceptorStates(source: { readonly built: Built; readonly drifted: ReadonlySet<string> }): InterceptorStates {
  return {
    interceptors: () =>
      source.built.plan.interceptors.map(({ name, endpoint, version }) => stateOf(source, { name, endpoint, version })),
  };
}

function stateOf(
  { built, drifted }: { readonly built: Built; readonly drifted: ReadonlySet<string> },
  { name, endpoint, version }: { readonly name: string; readonly endpoint: string; readonly version: string },
): InterceptorState {
  const manifest = built.manifests.get(name);
  const own = built.plan.bindings.filter(({ interceptor }) => interceptor === name);
  const granted = own.filter(({ described }) => described).map(({ id, phase }) => `${id} (${phase})`);
  const declared = (manifest?.bindings ?? []).map(({ id, phase }) => `${id} (${phase})`);
  const drift = drifted.has(name) ? "the manifest changed; reload to take it" : "";
  return {
    name,
    endpoint,
    described: manifest !== undefined,
    version,
    granted,
    ignored: declared.filter((entry) => !granted.includes(entry)),
    lastError: interceptorTrouble(built, name) ?? drift,
  };
}
