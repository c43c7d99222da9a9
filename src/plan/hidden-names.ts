import type { GatewayConfig } from "../config/gateway-config.ts";
import { hiddenNames as namesOf } from "../config/hidden-names.ts";
import type { CredentialSlot, ExecutionPlan } from "../model/plan.ts";

/** What no view of the plan shows, on any route, as plan data: sorted lists (C23). */
export function hiddenNames(config: GatewayConfig): ExecutionPlan["hidden"] {
  const { headers, query } = namesOf(credentialSlots(config), config.secrets);
  return { headers: [...headers].toSorted(), query: [...query].toSorted() };
}

function credentialSlots(config: GatewayConfig): readonly CredentialSlot[] {
  const inbound = config.authenticators.flatMap(({ slots }) => slots);
  const outbound = config.upstreams.flatMap(({ credential }) =>
    credential === undefined ? [] : [credential.slot, ...credential.emptied],
  );
  return [...inbound, ...outbound];
}

/** A slot as the YAML writes it. */
export const slotText = (slot: CredentialSlot): string => (slot.kind === "bearer" ? "bearer" : `${slot.kind}/${slot.name}`);
