import { readPemFiles, type PemMaterial } from "../adapters/certificates/pem-files.ts";
import type { ReadBytes } from "../adapters/files/read-bounded.ts";
import type { ListenerPem, ListenerSettings, PemPair } from "../adapters/inbound/listener-settings.ts";
import { roomForSocket } from "../adapters/inbound/socket-file.ts";
import type { GatewayConfig, ListenerConfig, ListenerTlsConfig } from "../config/gateway-config.ts";
import { err, ok, type Result } from "../model/result.ts";
import { canonicalJson } from "../support/canonical-json.ts";
import { addressSet } from "../support/cidr.ts";
import type { Clock } from "../ports/clock.ts";

/**
 * Removes sockets that were left by a gateway that was killed; once for all workers, before listeners are opened. `open` are listeners whose
 * sockets are there rightly.
 */
export async function makeRoom(
  { listeners }: Pick<GatewayConfig, "listeners">,
  open: readonly ListenerConfig[],
  clock: Clock,
): Promise<Result<void, string>> {
  const paths = new Set(open.flatMap(({ address }) => ("path" in address ? [address.path] : [])));
  for (const { name, address } of listeners) {
    const room = "path" in address && !paths.has(address.path) ? await roomForSocket(address.path, clock) : ok(undefined);
    if (!room.ok) return err(`listener ${name} cannot listen: ${room.error}`);
  }
  return ok(undefined);
}

/** What a listener is opened with. Throws where an address range of the configuration is none, which its schema has seen to. */
export function settingsOf(
  { name, address, tls, codec, limits, protocols, proxyProtocol }: ListenerConfig,
  proxies: readonly string[],
  from: PemFrom,
): ListenerSettings {
  const proxiesFrom = proxyProtocol ? addressSet(proxies) : undefined;
  if (proxiesFrom?.ok === false) throw new Error(`listener ${name}: ${proxiesFrom.error}`);
  return {
    name,
    address,
    limits,
    codec,
    protocols,
    proxiesFrom: proxiesFrom?.value,
    tls: tls === undefined ? undefined : { clientCert: tls.clientCert, readPem: () => listenerPem(tls, from) },
  };
}

/** What a listener is by: one that differs in it is another one, and one that does not stays as it is. Requests under way and what is served besides routes are counted and looked up elsewhere; certificates are renewed. */
export function sameness(listener: ListenerConfig, { cidrs }: GatewayConfig["trustedProxies"]): string {
  const { serves: _serves, limits, ...rest } = listener;
  const { maxRequests: _maxRequests, ...own } = limits;
  return canonicalJson({ ...rest, limits: own, proxies: listener.proxyProtocol ? cidrs : [] });
}

/** Whether some of those that have a connection to the first could not make one to the second: it takes TLS, a certificate, or one of another authority. */
export function isStricter({ tls: old }: Pick<ListenerConfig, "tls">, { tls: next }: Pick<ListenerConfig, "tls">): boolean {
  if (next === undefined) return false;
  if (old === undefined) return true;
  if (next.clientCert === "required" && old.clientCert !== "required") return true;
  return old.clientCert !== "none" && next.clientCaFile !== old.clientCaFile;
}

/** Names of the listeners where the gateway's public keys are answered. */
export const jwksListeners = ({ listeners }: Pick<GatewayConfig, "listeners">): readonly string[] =>
  listeners.filter(({ serves }) => serves.includes("jwks")).map(({ name }) => name);

/** Where PEM files come from, and the time they must be valid at. */
export interface PemFrom {
  readonly clock: Clock;
  readonly readFile?: ReadBytes;
}

/** What the files of a TLS listener hold now, checked; the error says which cannot be used. */
export async function listenerPem(
  { certs: [first, ...others], clientCaFile }: ListenerTlsConfig,
  { clock, readFile }: PemFrom,
): Promise<Result<ListenerPem>> {
  const files = {
    ...(first === undefined ? {} : { pair: first }),
    ...(clientCaFile === undefined ? {} : { caFile: clientCaFile }),
  };
  const read = await readPemFiles(files, clock.wallMs(), readFile);
  if (!read.ok) return err(read.error.join("; "));
  const further: PemPair[] = [];
  for (const pair of others) {
    const also = await readPemFiles({ pair }, clock.wallMs(), readFile);
    if (!also.ok) return err(also.error.join("; "));
    further.push(pairOf(also.value));
  }
  return ok({ ...pairOf(read.value), further, clientCa: read.value.caPem });
}

const pairOf = ({ pair }: PemMaterial): PemPair => ({ cert: pair?.certPem ?? "", key: pair?.keyPem.reveal() ?? "" });
