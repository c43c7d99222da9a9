import type { GatewayConfig } from "../config/gateway-config.ts";
import type { InterceptorConfig } from "../config/interceptor-config.ts";
import type { Manifest } from "../model/manifest.ts";
import type { PlacedBinding } from "./compile-bindings.ts";
import type { Issues } from "./issues.ts";

/**
 * A service whose replicas each keep their own state decides by the replica that happens to be asked. Several endpoints, or several
 * gateways, are therefore an issue at every binding that decides, in shadow too, until the operator accepts it by name.
 */
export function checkReplicaScope(
  { interceptors, replicas }: Pick<GatewayConfig, "interceptors" | "replicas">,
  { manifests, placed }: { readonly manifests: ReadonlyMap<string, Manifest>; readonly placed: readonly PlacedBinding[] },
  issues: Issues,
): void {
  for (const interceptor of interceptors) {
    const several = severalOf(interceptor, replicas);
    if (several === undefined || manifests.get(interceptor.name)?.stateScope !== "replica") continue;
    for (const { binding, pointer } of placed) {
      if (binding.interceptor !== interceptor.name || binding.mode === "observe" || isAccepted(interceptor, binding)) continue;
      issues.add(
        pointer,
        `each replica of ${interceptor.name} keeps its own state (state_scope: replica), and there are ${several}: what "${binding.id}" decides depends on which is asked`,
        "one of each, or accept_replica_scope: true at the binding",
      );
    }
  }
}

const severalOf = ({ endpoints }: InterceptorConfig, replicas: number): string | undefined => {
  const parts = [
    ...(endpoints.length > 1 ? [`${endpoints.length} endpoints`] : []),
    ...(replicas > 1 ? [`${replicas} gateways (replicas)`] : []),
  ];
  return parts.length === 0 ? undefined : parts.join(" and ");
};

const isAccepted = ({ bindings }: InterceptorConfig, { id, phase }: PlacedBinding["binding"]): boolean =>
  bindings.some((operator) => operator.id === id && operator.phase === phase && operator.acceptReplicaScope);
