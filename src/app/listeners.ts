import { readPemFiles } from "../adapters/certificates/pem-files.ts";
import { httpListener, type HttpListener } from "../adapters/inbound/http-listener.ts";
import type { ListenerSettings } from "../adapters/inbound/listener-settings.ts";
import type { ListenerConfig } from "../config/gateway-config.ts";
import { err, ok, type Result } from "../model/result.ts";
import type { Clock } from "../ports/clock.ts";
import type { Handle } from "../ports/inbound.ts";
import type { Ids } from "../ports/ids.ts";
import type { Log } from "../ports/log.ts";

/** Opens every listener of a configuration; when one fails, those before it are closed again. */
export async function openListeners(
  configs: readonly ListenerConfig[],
  deps: { readonly handle: Handle; readonly log: Log; readonly clock: Clock; readonly ids: Ids },
): Promise<Result<readonly HttpListener[], string>> {
  const open: HttpListener[] = [];
  for (const config of configs) {
    try {
      open.push(await httpListener(settingsOf(config, deps.clock), deps));
    } catch (error) {
      for (const earlier of open) await earlier.close();
      return err(error instanceof Error ? error.message : String(error));
    }
  }
  return ok(open);
}

function settingsOf({ name, address, tls, codec, limits }: ListenerConfig, clock: Clock): ListenerSettings {
  const [pair] = tls?.certs ?? [];
  if (tls === undefined || pair === undefined) return { name, address, limits, codec };
  const readPem = async (): ReturnType<NonNullable<ListenerSettings["tls"]>["readPem"]> => {
    const read = await readPemFiles(
      { pair, ...(tls.clientCaFile === undefined ? {} : { caFile: tls.clientCaFile }) },
      clock.wallMs(),
    );
    if (!read.ok) return err(read.error.join("; "));
    return ok({ cert: read.value.pair?.certPem ?? "", key: read.value.pair?.keyPem.reveal() ?? "", clientCa: read.value.caPem });
  };
  return { name, address, limits, codec, tls: { clientCert: tls.clientCert, readPem } };
}
