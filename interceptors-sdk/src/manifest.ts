import { type BindingDeclaration, Manifest, StateScope } from "@sallyport/contract/gen/sallyport/interceptor/v1/interceptor.ts";
import { BODY_FORMATS, MODES, PHASES } from "@sallyport/contract/phase.ts";
import type { CompiledBinding, Interceptor } from "./interceptor.ts";

/** The manifest of an interceptor as Describe answers it: what the code asks for, nothing that could drift from it. The audience is empty where no token is checked. */
export function manifestOf(interceptor: Interceptor, expectedAudience = ""): Manifest {
  return {
    name: interceptor.name,
    version: interceptor.version,
    bindings: [...interceptor.bindings.values()].map(declarationOf),
    expectedAudience,
    stateScope: { none: StateScope.NONE, replica: StateScope.REPLICA, cluster: StateScope.CLUSTER }[interceptor.stateScope],
    // Watch is always served; it matters where there is something to revoke
    revokes: [...interceptor.bindings.values()].some(({ binding }) => binding.cacheable),
  };
}

/** The same, encoded. */
export const encodeManifest = (interceptor: Interceptor, expectedAudience: string): Uint8Array =>
  Manifest.encode(manifestOf(interceptor, expectedAudience)).finish();

function declarationOf({ id, binding }: CompiledBinding): BindingDeclaration {
  return {
    id,
    phase: PHASES[binding.phase].wire,
    mode: MODES[binding.mode].wire,
    selector: {
      methods: [...(binding.match.methods ?? [])],
      hosts: [...(binding.match.hosts ?? [])],
      paths: [...(binding.match.paths ?? [])],
    },
    needs: [...binding.needs],
    writes: [...binding.writes],
    ownsHeaders: [...binding.ownsHeaders],
    cacheable: binding.cacheable,
    idempotent: binding.idempotent,
    body: BODY_FORMATS[binding.body].wire,
    failClosed: binding.failClosed,
  };
}
