import type { GatewayConfig } from "../config/gateway-config.ts";
import { hiddenNames as namesOf } from "../config/hidden-names.ts";
import type { CredentialSlot } from "../model/credential-slot.ts";
import type { ExecutionPlan } from "../model/plan.ts";

/** What no view of the plan shows, on any route, as plan data: sorted lists (C23). */
export function hiddenNames(config: GatewayConfig): ExecutionPlan["hidden"] {
  const { headers, query, subprotocols } = namesOf(credentialSlots(config), config.secrets);
  return { headers: [...headers].toSorted(), query: [...query].toSorted(), subprotocols: [...subprotocols].toSorted() };
}

function credentialSlots(config: GatewayConfig): readonly CredentialSlot[] {
  const inbound = config.authenticators.flatMap(({ slots }) => slots);
  const outbound = config.upstreams.flatMap(({ credential }) =>
    credential === undefined ? [] : [credential.slot, ...credential.emptied],
  );
  return [...inbound, ...outbound];
}

/** A slot as the YAML writes it. */
export function slotText(slot: CredentialSlot): string {
  if (slot.kind === "bearer") return slot.kind;
  return `${slot.kind}/${slot.kind === "websocket-protocol" ? slot.prefix : slot.name}`;
}
