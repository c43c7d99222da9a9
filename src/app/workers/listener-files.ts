import type { FileTexts, RememberedFiles } from "../../adapters/files/remembered-files.ts";
import { secureContextsOf } from "../../adapters/inbound/tls-context.ts";
import type { GatewayConfig, ListenerTlsConfig } from "../../config/gateway-config.ts";
import type { Clock } from "../../ports/clock.ts";
import { listenerPem } from "../listeners.ts";
import { certificateFiles } from "../load-file.ts";

/** What workers are given certificates from. */
export interface FilesFor {
  /** Of the plan; certificates of its interceptors were read while it was made. */
  readonly config: GatewayConfig;
  /** What workers have now. */
  readonly before: FileTexts;
}

/** Certificates, keys and authorities for the workers. Those of a listener are read now; where they cannot be used, `onUnusable` hears why and they stay what they were. */
export async function filesForWorkers(
  { config, before }: FilesFor,
  deps: {
    readonly files: RememberedFiles;
    readonly clock: Clock;
    readonly onUnusable: (listener: string, message: string) => void;
  },
): Promise<FileTexts> {
  const unusable: string[] = [];
  for (const { name, tls } of config.listeners) {
    if (tls === undefined) continue;
    const pem = await listenerPem(tls, { clock: deps.clock, readFile: deps.files.read });
    const context = pem.ok ? secureContextsOf(pem.value) : pem;
    if (context.ok) continue;
    deps.onUnusable(name, context.error);
    unusable.push(...pathsOf(tls));
  }
  const texts = new Map(deps.files.take(certificateFiles(config)));
  for (const path of unusable) {
    const text = before.get(path);
    if (text !== undefined) texts.set(path, text);
  }
  return texts;
}

const pathsOf = ({ certs, clientCaFile }: ListenerTlsConfig): readonly string[] => [
  ...certs.flatMap(({ certFile, keyFile }) => [certFile, keyFile]),
  ...(clientCaFile === undefined ? [] : [clientCaFile]),
];
