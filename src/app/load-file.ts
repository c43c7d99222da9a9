import type { GatewayConfig } from "../config/gateway-config.ts";
import { loadConfig, type LoadedConfig } from "../config/load-config.ts";
import type { FileConfigSource } from "../adapters/config-source/file.ts";
import { readBounded } from "../adapters/files/read-bounded.ts";
import type { ConfigIssue } from "../model/config-issue.ts";
import { err, ok, type Result } from "../model/result.ts";
import { apiIssues } from "./route-apis.ts";
import { sha256Hex } from "../support/hash.ts";

/** A configuration that was read, and what tells it from another. */
export interface LoadedFile {
  readonly loaded: LoadedConfig;
  /** SHA-256 over the file and every file it names: equal means nothing to reload. */
  readonly fingerprint: string;
}

/** Why nothing was loaded; `fingerprint` tells one broken state from another, so that each is reported once. */
export interface LoadFailure {
  readonly issues: readonly ConfigIssue[];
  readonly fingerprint: string;
}

/** Largest certificate, key or authority file, bytes. */
const MAX_NAMED_BYTES = 1024 * 1024;

/** Reads the configuration and what it names, and has all of it watched, good or not. */
export async function loadFile(
  file: string,
  source: FileConfigSource,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Result<LoadedFile, LoadFailure>> {
  const read = await source.read();
  if (!read.ok)
    return err({ issues: [{ file, line: 1, column: 1, pointer: "", message: read.error }], fingerprint: sha256Hex(read.error) });
  const digests = new Map<string, string>([[file, read.value.hash]]);
  const readFile = async (path: string, maxBytes: number, form?: "base64"): Promise<Result<string, string>> => {
    const bytes = await readBounded(path, maxBytes);
    const text = bytes.ok ? (form === "base64" ? bytes.value.toString("base64") : new TextDecoder().decode(bytes.value)) : "";
    digests.set(path, sha256Hex(text));
    return bytes.ok ? ok(text) : err(bytes.error);
  };
  const loaded = await loadConfig({ file, text: read.value.text }, { env, readFile });
  if (loaded.ok) for (const path of namedFiles(loaded.value)) await readFile(path, MAX_NAMED_BYTES);
  await source.alsoWatch([...digests.keys()].filter((path) => path !== file));
  const fingerprint = sha256Hex(
    [...digests]
      .map(([path, digest]) => `${path} ${digest}`)
      .toSorted()
      .join("\n"),
  );
  const issues = loaded.ok ? apiIssues(loaded.value) : loaded.error;
  return loaded.ok && issues.length === 0 ? ok({ loaded: loaded.value, fingerprint }) : err({ issues, fingerprint });
}

const namedFiles = ({ config }: LoadedConfig): readonly string[] => [
  ...new Set([...certificateFiles(config), ...config.gatewayIdentity.signingKeyFiles]),
];

/** Certificates, their keys and authorities the configuration names by path, each once. */
export function certificateFiles(config: GatewayConfig): readonly string[] {
  const ofInterceptors = config.interceptors.flatMap(({ endpoints }) =>
    endpoints.flatMap((endpoint) => {
      const tls = endpoint.kind === "grpc" ? undefined : endpoint.tls;
      return tls === undefined ? [] : [tls.caFile, tls.certFile, tls.keyFile];
    }),
  );
  const ofListeners = config.listeners.flatMap(({ tls }) => [
    ...(tls?.certs ?? []).flatMap(({ certFile, keyFile }) => [certFile, keyFile]),
    ...(tls?.clientCaFile === undefined ? [] : [tls.clientCaFile]),
  ]);
  const ofUpstreams = config.upstreams.flatMap(({ tls }) => [
    ...(tls?.caFile === undefined ? [] : [tls.caFile]),
    ...(tls?.pair === undefined ? [] : [tls.pair.certFile, tls.pair.keyFile]),
  ]);
  return [...new Set([...ofInterceptors, ...ofListeners, ...ofUpstreams])];
}
