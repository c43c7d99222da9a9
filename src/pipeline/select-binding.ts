import type { Exchange } from "../model/exchange.ts";
import type { Principal } from "../model/principal.ts";
import type { RunnableBinding } from "../ports/runnable-plan.ts";

/** Tests the part of a selector that only the running exchange decides: principals and labels. */
export function selects(exchange: Exchange, binding: RunnableBinding): boolean {
  if (!selectsPrincipal(exchange.principal, binding)) return false;
  const { labels } = binding.plan.selector;
  if (labels === undefined) return true;
  for (const name in labels) if ((exchange.labels.get(name) ?? "") !== labels[name]) return false;
  return true;
}

/** Tests the part of a selector that is known as soon as the caller is. */
export const selectsPrincipal = (principal: Principal, { plan }: RunnableBinding): boolean =>
  plan.selector.principals?.includes(principal.id) ?? true;
