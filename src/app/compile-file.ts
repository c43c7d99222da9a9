import { fileConfigSource } from "../adapters/config-source/file.ts";
import { readTextFiles } from "../adapters/files/read-text-files.ts";
import { manifestFromJson } from "../adapters/review/manifest-json.ts";
import { prometheusMetrics } from "../adapters/telemetry/prometheus-metrics.ts";
import { systemClock } from "../adapters/system/clock.ts";
import type { ConfigIssue } from "../model/config-issue.ts";
import type { Manifest } from "../model/manifest.ts";
import type { ExecutionPlan } from "../model/plan.ts";
import { err, type Result } from "../model/result.ts";
import { compile } from "../plan/compile.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import { acquirer } from "./acquire.ts";
import type { ClientLease } from "./generations.ts";
import { describeAll } from "./describe-all.ts";
import { loadFile } from "./load-file.ts";
import type { LoadedConfig } from "../config/load-config.ts";
import { identityOf } from "./signing-keys.ts";
import { LiveClients } from "./live-clients.ts";
import { ResourcePool } from "./resource-pool.ts";
import type { ReviewClient } from "../ports/review-client.ts";

/** Where the manifests of a compilation come from. */
export type ManifestSource =
  /** Nowhere: bindings are taken as the operator lists them. */
  | { readonly kind: "offline" }
  /** `<interceptor>.json` files in a directory. */
  | { readonly kind: "directory"; readonly path: string }
  /** The interceptors themselves are asked. */
  | { readonly kind: "describe"; readonly gatewayVersion: string };

/** A file that was compiled, and the manifests it was compiled with: those at hand even where there is no plan. */
export interface CompiledFile {
  readonly manifests: ReadonlyMap<string, Manifest>;
  readonly plan: Result<ExecutionPlan, readonly ConfigIssue[]>;
}

/** Compiles a file without running it, for `check` and `plan`. */
export async function compileFile(
  file: string,
  source: ManifestSource,
  env: Readonly<Record<string, string | undefined>>,
): Promise<CompiledFile> {
  const clock = systemClock();
  await using config = fileConfigSource(file, { clock, onChange: () => {} });
  const loaded = await loadFile(file, config, env);
  if (!loaded.ok) return { manifests: new Map(), plan: err(loaded.error.issues) };
  const { config: read, positions } = loaded.value.loaded;
  const { manifests, issues } = await manifestsFor(loaded.value.loaded, source, clock);
  const plan = issues.length > 0 ? err(issues) : compile(read, manifests, (pointer) => positions.at(pointer));
  return { manifests, plan };
}

interface Manifests {
  readonly manifests: ReadonlyMap<string, Manifest>;
  readonly issues: readonly ConfigIssue[];
}

async function manifestsFor(loaded: LoadedConfig, source: ManifestSource, clock: Clock): Promise<Manifests> {
  switch (source.kind) {
    case "offline":
      return { manifests: new Map(), issues: [] };
    case "directory":
      return fromDirectory(source.path);
    case "describe":
      return fromServices(loaded, source.gatewayVersion, clock);
    default:
      return source satisfies never;
  }
}

/** Largest manifest file, bytes. */
const MAX_MANIFEST_BYTES = 1024 * 1024;

async function fromDirectory(path: string): Promise<Manifests> {
  const files = await readTextFiles(path, { suffix: ".json", maxBytes: MAX_MANIFEST_BYTES });
  if (!files.ok) return { manifests: new Map(), issues: [issueIn(path, files.error)] };
  const manifests = new Map<string, Manifest>();
  const issues: ConfigIssue[] = [];
  for (const { stem, file, text } of files.value) {
    const manifest = text.ok ? manifestFromJson(text.value) : text;
    if (manifest.ok) manifests.set(stem, manifest.value);
    else issues.push(issueIn(file, manifest.error));
  }
  return { manifests, issues };
}

const issueIn = (file: string, message: string): ConfigIssue => ({ file, line: 1, column: 1, pointer: "", message });

async function fromServices(loaded: LoadedConfig, gatewayVersion: string, clock: Clock): Promise<Manifests> {
  const { config, positions } = loaded;
  const found = await identityOf(loaded, { clock, log: SILENT });
  if (!found.ok) return { manifests: new Map(), issues: found.error };
  using identity = found.value;
  const { id: gatewayId } = config.gatewayIdentity;
  const acquire = acquirer({
    pool: new ResourcePool(),
    liveClients: new LiveClients(),
    clock,
    log: SILENT,
    metrics: prometheusMetrics(),
    gatewayId,
    gatewayVersion,
    identity,
  });
  const leases: ClientLease[] = [];
  const clients = new Map<string, ReviewClient>();
  const issues: ConfigIssue[] = [];
  for (const [index, interceptor] of config.interceptors.entries()) {
    const lease = await acquire.client(interceptor, index, loaded);
    if (!lease.ok) {
      issues.push(...lease.error);
      continue;
    }
    leases.push(lease.value);
    clients.set(interceptor.name, lease.value.resource);
  }
  const answers = await describeAll(config.interceptors, clients);
  for (const lease of leases) await lease.release();
  const manifests = new Map<string, Manifest>();
  for (const [index, { name }] of config.interceptors.entries()) {
    const answer = answers.get(name);
    const pointer = `/interceptors/${index}`;
    if (answer?.ok === true) manifests.set(name, answer.value);
    else if (answer !== undefined)
      issues.push({
        ...positions.at(pointer),
        pointer,
        message: `interceptor ${name} did not answer Describe: ${answer.error.message}`,
      });
  }
  return { manifests, issues };
}

const SILENT: Log = { write() {} };
