import { readPemFiles, type PemMaterial } from "../adapters/certificates/pem-files.ts";
import type { ReadBytes } from "../adapters/files/read-bounded.ts";
import { httpListener, type HttpListener } from "../adapters/inbound/http-listener.ts";
import type { ListenerPem, ListenerSettings, PemPair } from "../adapters/inbound/listener-settings.ts";
import { roomForSocket } from "../adapters/inbound/socket-file.ts";
import type { GatewayConfig, ListenerConfig, ListenerTlsConfig } from "../config/gateway-config.ts";
import { err, ok, type Result } from "../model/result.ts";
import { addressSet } from "../support/cidr.ts";
import type { Clock } from "../ports/clock.ts";
import type { Handle } from "../ports/inbound.ts";
import type { Ids } from "../ports/ids.ts";
import type { Log } from "../ports/log.ts";

/** Removes sockets that were left by a gateway that was killed; once, before anybody opens listeners. */
export async function makeRoom({ listeners }: Pick<GatewayConfig, "listeners">, clock: Clock): Promise<Result<void, string>> {
  for (const { name, address } of listeners) {
    const room = "path" in address ? await roomForSocket(address.path, clock) : ok(undefined);
    if (!room.ok) return err(`listener ${name} cannot listen: ${room.error}`);
  }
  return ok(undefined);
}

/** Opens every listener of a configuration; when one fails, those before it are closed again. */
export async function openListeners(
  { listeners, trustedProxies }: Pick<GatewayConfig, "listeners" | "trustedProxies">,
  deps: {
    readonly handle: Handle;
    readonly log: Log;
    readonly clock: Clock;
    readonly ids: Ids;
    /** Where certificates are read from. Default: the disk. */ readonly readFile?: ReadBytes;
  },
): Promise<Result<readonly HttpListener[], string>> {
  const open: HttpListener[] = [];
  for (const config of listeners) {
    try {
      open.push(await httpListener(settingsOf(config, trustedProxies.cidrs, deps), deps));
    } catch (error) {
      for (const earlier of open) await earlier.close();
      return err(error instanceof Error ? error.message : String(error));
    }
  }
  return ok(open);
}

function settingsOf(
  { name, address, tls, codec, limits, protocols, proxyProtocol }: ListenerConfig,
  proxies: readonly string[],
  from: PemFrom,
): ListenerSettings {
  const proxiesFrom = proxyProtocol ? addressSet(proxies) : undefined;
  // the schema has looked at each
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

/** Where PEM files come from, and the time they must be valid at. */
interface PemFrom {
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
