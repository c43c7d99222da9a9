import type { GatewayConfig, InterceptorConfig } from "../config/gateway-config.ts";
import type { LoadedConfig } from "../config/load-config.ts";
import { formatIssue, type ConfigIssue } from "../model/config-issue.ts";
import type { Manifest } from "../model/manifest.ts";
import type { ExecutionPlan } from "../model/plan.ts";
import { err, ok, type Result } from "../model/result.ts";
import { compile } from "../plan/compile.ts";
import type { Log } from "../ports/log.ts";
import type { ReviewClient } from "../ports/review-client.ts";
import type { Upstream } from "../ports/upstream.ts";
import { canonicalJson } from "../support/canonical-json.ts";
import { assemble, type PlanResources } from "./assemble.ts";
import { describeAll, type Described } from "./describe-all.ts";
import type { Generation } from "./plan-holder.ts";
import type { Lease } from "./resource-pool.ts";

/** Gives out what plans share; a lease is released with its generation. */
export interface Acquire {
  /** Reads the interceptor's certificates; issues where they cannot be used. */
  client(interceptor: InterceptorConfig, index: number, config: LoadedConfig): Promise<Result<Lease<ReviewClient>, readonly ConfigIssue[]>>;
  upstream(upstream: GatewayConfig["upstreams"][number]): Lease<Upstream>;
}

/** A generation that could run, and what it was made of. */
export interface Built {
  readonly generation: Generation;
  readonly plan: ExecutionPlan;
  readonly loaded: LoadedConfig;
  readonly manifests: ReadonlyMap<string, Manifest>;
  readonly clients: ReadonlyMap<string, ReviewClient>;
  /** Interceptors that did not answer, with the reason. */
  readonly undescribed: ReadonlyMap<string, string>;
}

/** What the building of a generation depends on. */
export interface BuildDeps {
  readonly acquire: Acquire;
  readonly resources: Omit<PlanResources, "clients" | "upstreams">;
  readonly log: Log;
}

/** What a generation is built beside. */
export interface BuildOptions {
  /** The generation in force; undefined at start. */
  readonly before: Built | undefined;
  /** Interceptors to ask again; the others keep the manifest they have. Undefined: all, as an operator's reload does (C30). */
  readonly ask?: ReadonlySet<string>;
}

/**
 * Describe → grant → compile → acquire → assemble. Fails with every issue and leaves nothing acquired; swapping is the caller's.
 * An interceptor whose endpoint, trust and grant did not change since `before` may keep its manifest when it does not answer; a new
 * or changed one must answer (C32). Without `before` nobody must.
 */
export async function buildGeneration(loaded: LoadedConfig, deps: BuildDeps, options: BuildOptions): Promise<Result<Built, readonly ConfigIssue[]>> {
  const leases: Lease<unknown>[] = [];
  const giveBack = async (): Promise<void> => {
    for (const lease of leases.toReversed()) await lease.release();
  };
  const built = await attempt(loaded, { deps, options, leases, giveBack });
  if (!built.ok) await giveBack();
  return built;
}

interface Attempt {
  readonly deps: BuildDeps;
  readonly options: BuildOptions;
  readonly leases: Lease<unknown>[];
  readonly giveBack: () => Promise<void>;
}

async function attempt(loaded: LoadedConfig, { deps, options, leases, giveBack }: Attempt): Promise<Result<Built, readonly ConfigIssue[]>> {
  const { config, positions } = loaded;
  const clients = await acquireClients(loaded, deps.acquire, leases);
  if (!clients.ok) return clients;
  const { before, ask } = options;
  const asked = config.interceptors.filter(({ name }) => ask?.has(name) ?? true);
  const answers = await describeAll(asked, clients.value);
  const known = settleManifests(loaded, answers, before);
  if (!known.ok) return known;
  const { manifests, undescribed } = known.value;
  for (const [interceptor, reason] of undescribed) deps.log.write("warn", "interceptor_not_described", { interceptor, reason, reused: manifests.has(interceptor) });
  const plan = compile(config, manifests, (pointer) => positions.at(pointer));
  if (!plan.ok) return plan;
  const upstreams = new Map<string, Upstream>();
  for (const upstream of config.upstreams) {
    const lease = deps.acquire.upstream(upstream);
    leases.push(lease);
    upstreams.set(upstream.name, lease.resource);
  }
  const runnable = assemble(plan.value, config, { ...deps.resources, clients: clients.value, upstreams });
  return ok({ generation: { plan: runnable, retire: giveBack }, plan: plan.value, loaded, manifests, clients: clients.value, undescribed });
}

async function acquireClients(loaded: LoadedConfig, acquire: Acquire, leases: Lease<unknown>[]): Promise<Result<ReadonlyMap<string, ReviewClient>, readonly ConfigIssue[]>> {
  const clients = new Map<string, ReviewClient>();
  const issues: ConfigIssue[] = [];
  for (const [index, interceptor] of loaded.config.interceptors.entries()) {
    const lease = await acquire.client(interceptor, index, loaded);
    if (!lease.ok) {
      issues.push(...lease.error);
      continue;
    }
    leases.push(lease.value);
    clients.set(interceptor.name, lease.value.resource);
  }
  return issues.length > 0 ? err(issues) : ok(clients);
}

/** Which manifest each interceptor runs on: its answer, the one it had, or none yet. */
function settleManifests(
  { config, positions }: LoadedConfig,
  answers: ReadonlyMap<string, Described>,
  before: Built | undefined,
): Result<{ readonly manifests: ReadonlyMap<string, Manifest>; readonly undescribed: ReadonlyMap<string, string> }, readonly ConfigIssue[]> {
  const manifests = new Map<string, Manifest>();
  const undescribed = new Map<string, string>();
  const issues: ConfigIssue[] = [];
  for (const [index, interceptor] of config.interceptors.entries()) {
    const answer = answers.get(interceptor.name);
    if (answer?.ok === true) {
      manifests.set(interceptor.name, answer.value);
      continue;
    }
    const last = before?.manifests.get(interceptor.name);
    if (answer === undefined && last !== undefined) {
      manifests.set(interceptor.name, last);
      continue;
    }
    const reason = answer?.error.message ?? "was not asked";
    const pointer = `/interceptors/${index}`;
    const unchanged = before !== undefined && sameInterceptor(before.loaded.config, interceptor);
    if (before !== undefined && !unchanged) {
      issues.push({ ...positions.at(pointer), pointer, message: `interceptor ${interceptor.name} is new or changed and did not answer Describe: ${reason}` });
    }
    undescribed.set(interceptor.name, reason);
    if (last !== undefined && unchanged) manifests.set(interceptor.name, last);
  }
  return issues.length > 0 ? err(issues) : ok({ manifests, undescribed });
}

function sameInterceptor(config: GatewayConfig, interceptor: InterceptorConfig): boolean {
  const other = config.interceptors.find(({ name }) => name === interceptor.name);
  return other !== undefined && canonicalJson(other) === canonicalJson(interceptor);
}

/** Issues as lines for people. */
export const issueLines = (issues: readonly ConfigIssue[]): readonly string[] => issues.map(formatIssue);
