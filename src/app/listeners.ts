import { readPemFiles } from "../adapters/certificates/pem-files.ts";
import type { ReadBytes } from "../adapters/files/read-bounded.ts";
import { httpListener, type HttpListener } from "../adapters/inbound/http-listener.ts";
import type { ListenerPem, ListenerSettings } from "../adapters/inbound/listener-settings.ts";
import type { ListenerConfig, ListenerTlsConfig } from "../config/gateway-config.ts";
import { err, ok, type Result } from "../model/result.ts";
import type { Clock } from "../ports/clock.ts";
import type { Doorkeeper } from "../ports/doorkeeper.ts";
import type { Handle } from "../ports/inbound.ts";
import type { Ids } from "../ports/ids.ts";
import type { Log } from "../ports/log.ts";

/** Opens every listener of a configuration; when one fails, those before it are closed again. */
export async function openListeners(
  configs: readonly ListenerConfig[],
  deps: {
    readonly handle: Handle;
    readonly log: Log;
    readonly clock: Clock;
    readonly ids: Ids;
    readonly doorkeeper?: Doorkeeper;
    /** Where certificates are read from. Default: the disk. */ readonly readFile?: ReadBytes;
  },
): Promise<Result<readonly HttpListener[], string>> {
  const open: HttpListener[] = [];
  for (const config of configs) {
    try {
      open.push(await httpListener(settingsOf(config, deps), deps));
    } catch (error) {
      for (const earlier of open) await earlier.close();
      return err(error instanceof Error ? error.message : String(error));
    }
  }
  return ok(open);
}

function settingsOf(config: ListenerConfig, from: PemFrom): ListenerSettings {
  const { name, address, tls, codec, limits } = config;
  if (tls === undefined) return { name, address, limits, codec };
  return { name, address, limits, codec, tls: { clientCert: tls.clientCert, readPem: () => listenerPem(tls, from) } };
}

/** Where PEM files come from, and the time they must be valid at. */
interface PemFrom {
  readonly clock: Clock;
  readonly readFile?: ReadBytes;
}

/** What the files of a TLS listener hold now, checked; the error says which cannot be used. */
export async function listenerPem(
  { certs: [pair], clientCaFile }: ListenerTlsConfig,
  { clock, readFile }: PemFrom,
): Promise<Result<ListenerPem>> {
  const files = { ...(pair === undefined ? {} : { pair }), ...(clientCaFile === undefined ? {} : { caFile: clientCaFile }) };
  const read = await readPemFiles(files, clock.wallMs(), readFile);
  if (!read.ok) return err(read.error.join("; "));
  return ok({ cert: read.value.pair?.certPem ?? "", key: read.value.pair?.keyPem.reveal() ?? "", clientCa: read.value.caPem });
}
