import { secureContextsOf } from "../../adapters/inbound/tls-context.ts";
import { freePort } from "../../adapters/workers/free-port.ts";
import type { GatewayConfig, ListenerConfig } from "../../config/gateway-config.ts";
import { err, ok, type Result } from "../../model/result.ts";
import { listenerPem, sameness, type PemFrom } from "../listeners.ts";

/** A listener as the file has it, and as all workers open it: with the port that was chosen. */
export interface ChosenDoor {
  readonly config: ListenerConfig;
  readonly sameness: string;
  readonly opened: ListenerConfig;
}

/**
 * Where the system is to choose the port it is chosen here, once for all workers: one that is started later must find the same. What is new or
 * changed is looked at: whether somebody else has its port, whether its certificates can be used. The error names the listener.
 */
export async function chooseDoors(
  { listeners, trustedProxies }: Pick<GatewayConfig, "listeners" | "trustedProxies">,
  before: readonly ChosenDoor[],
  from: PemFrom,
): Promise<Result<readonly ChosenDoor[], string>> {
  const chosen: ChosenDoor[] = [];
  for (const config of listeners) {
    const wanted = sameness(config, trustedProxies);
    const known = before.find((door) => door.sameness === wanted);
    const address = await addressOf(config, before);
    if (!address.ok) return err(`listener ${config.name} cannot listen: ${address.error}`);
    const usable = known === undefined ? await certificatesOf(config, from) : ok(undefined);
    if (!usable.ok) return err(`listener ${config.name} has no usable certificate: ${usable.error}`);
    chosen.push({ config, sameness: wanted, opened: { ...config, address: address.value } });
  }
  return ok(chosen);
}

async function addressOf(
  { name, address }: ListenerConfig,
  before: readonly ChosenDoor[],
): Promise<Result<ListenerConfig["address"], string>> {
  if ("path" in address) return ok(address);
  const { host, port } = address;
  const had = before.find(({ config }) => {
    if ("path" in config.address || config.address.host !== host || config.address.port !== port) return false;
    return port !== 0 || config.name === name;
  });
  if (had !== undefined) return ok(had.opened.address);
  const free = await freePort(host, port);
  return free.ok ? ok({ host, port: free.value }) : free;
}

async function certificatesOf({ tls }: ListenerConfig, from: PemFrom): Promise<Result<unknown, string>> {
  if (tls === undefined) return ok(undefined);
  const pem = await listenerPem(tls, from);
  return pem.ok ? secureContextsOf(pem.value) : pem;
}
