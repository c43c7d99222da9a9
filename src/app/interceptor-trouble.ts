import type { ShownBuilt } from "./built.ts";

/** What is wrong with an interceptor at present, a fragment for people; undefined when nothing is. */
export function interceptorTrouble({ undescribed, clients }: ShownBuilt, name: string): string | undefined {
  const status = clients.get(name)?.status();
  // what is so now tells more than what kept it from being described
  if (status?.fault !== undefined) return status.fault;
  const reason = undescribed.get(name);
  if (reason !== undefined) return reason;
  if (status?.connected === false) return "not connected";
  const failing = (status?.endpoints ?? []).filter(({ state }) => state !== "serving");
  return failing.length === 0 ? undefined : failing.map(({ url, state }) => `${url} is ${state}`).join(", ");
}
