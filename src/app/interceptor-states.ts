import { manifestDigest } from "../plan/manifest-digest.ts";
import type { InterceptorState, InterceptorStates, ManifestDrift } from "../ports/admin-facts.ts";
import type { ShownBuilt } from "./built.ts";
import { interceptorTrouble } from "./interceptor-trouble.ts";

/** The generation in force, and the manifests that wait for a reload. */
interface StateSource {
  readonly built: ShownBuilt;
  readonly drifted: ReadonlyMap<string, ManifestDrift>;
}

/** What `/admin/interceptors` shows: who was described, what was granted, what was asked for and ignored. */
export function interceptorStates(source: StateSource): InterceptorStates {
  return {
    interceptors: () => source.built.plan.interceptors.map(({ name, version }) => stateOf(source, { name, version })),
  };
}

function stateOf(
  { built, drifted }: StateSource,
  { name, version }: { readonly name: string; readonly version: string },
): InterceptorState {
  const manifest = built.manifests.get(name);
  const own = built.plan.bindings.filter(({ interceptor }) => interceptor === name);
  const granted = own.filter(({ described }) => described).map(({ id, phase }) => `${id} (${phase})`);
  const declared = (manifest?.bindings ?? []).map(({ id, phase }) => `${id} (${phase})`);
  const drift = drifted.get(name);
  return {
    name,
    endpoints: built.clients.get(name)?.status().endpoints ?? [],
    described: manifest !== undefined,
    version,
    manifestDigest: manifest === undefined ? "" : manifestDigest(manifest),
    granted,
    ignored: declared.filter((entry) => !granted.includes(entry)),
    drift,
    lastError: interceptorTrouble(built, name) ?? (drift === undefined ? "" : "the manifest changed; reload to take it"),
  };
}
