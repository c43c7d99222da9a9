import type { GatewayConfig, UpstreamConfig } from "../config/gateway-config.ts";
import type { InterceptorConfig } from "../config/interceptor-config.ts";
import type { LoadedConfig } from "../config/load-config.ts";
import { formatIssue, type ConfigIssue } from "../model/config-issue.ts";
import { err, ok, type Result } from "../model/result.ts";
import { compile } from "../plan/compile.ts";
import type { Log } from "../ports/log.ts";
import type { ReviewClient } from "../ports/review-client.ts";
import type { Upstream } from "../ports/upstream.ts";
import { assemble, type PlanResources } from "./assemble.ts";
import type { Built } from "./built.ts";
import { describeAll, type Described } from "./describe-all.ts";
import type { Lease } from "./resource-pool.ts";
import { settleManifests } from "./settle-manifests.ts";

/** A configuration, and what knows where its values were written. */
export interface LocatedConfig {
  readonly config: GatewayConfig;
  readonly positions: Pick<LoadedConfig["positions"], "at">;
}

/** Gives out what plans share; a lease is released with its generation. */
export interface Acquire {
  /** Reads the interceptor's certificates; issues where they cannot be used. */
  client(
    interceptor: InterceptorConfig,
    index: number,
    config: LocatedConfig,
  ): Promise<Result<ClientLease, readonly ConfigIssue[]>>;
  /** Reads its certificates; issues where they cannot be used. */
  upstream(upstream: UpstreamConfig, config: LocatedConfig): Promise<Result<Lease<Upstream>, readonly ConfigIssue[]>>;
}

/** A client of an interceptor, and whom it trusts to be that interceptor. */
export interface ClientLease extends Omit<Lease<ReviewClient>, "share"> {
  /** See `authoritiesOf`; a manifest was vouched for by those it was described under (C32). */
  readonly trust: string;
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
  /** Answers at hand; the other interceptors keep the manifest they have, unless other authorities vouch for them now. Undefined: all are asked, as an operator's reload does (C30). */
  readonly answers?: ReadonlyMap<string, Described>;
}

/** Why nothing was built. */
export interface BuildFailure {
  /** `unanswered`: interceptors that must answer did not, and may yet; `faulty`: the configuration itself has to change. */
  readonly kind: "unanswered" | "faulty";
  readonly issues: readonly ConfigIssue[];
}

/**
 * Describe → grant → compile → acquire → assemble. Fails with every issue and leaves nothing acquired; swapping is the caller's.
 * An interceptor whose endpoint, trust and grant did not change since `before` may keep its manifest when it does not answer; a new
 * or changed one must answer (C32). Without `before` nobody must.
 */
export async function buildGeneration(
  loaded: LoadedConfig,
  deps: BuildDeps,
  options: BuildOptions,
): Promise<Result<Built, BuildFailure>> {
  const leases: Held[] = [];
  const giveBack = async (): Promise<void> => {
    for (const lease of leases.splice(0).toReversed()) await lease.release();
  };
  let isBuilt = false;
  try {
    const built = await attempt(loaded, { deps, options, leases, giveBack });
    isBuilt = built.ok;
    return built;
  } finally {
    if (!isBuilt) await giveBack();
  }
}

/** What is given back with the generation. */
export type Held = Pick<Lease<unknown>, "release">;

interface Attempt {
  readonly deps: BuildDeps;
  readonly options: BuildOptions;
  readonly leases: Held[];
  readonly giveBack: () => Promise<void>;
}

async function attempt(loaded: LoadedConfig, { deps, options, leases, giveBack }: Attempt): Promise<Result<Built, BuildFailure>> {
  const { config, positions } = loaded;
  const clients = await acquireClients(loaded, deps.acquire, leases);
  if (!clients.ok) return faulty(clients.error);
  const { before } = options;
  const answers = await answersOf(loaded, clients.value, options);
  const refusals = refusalsOf(clients.value.clients);
  const known = settleManifests(loaded, { answers, before, trusts: clients.value.trusts, refusals });
  if (!known.ok) return err({ kind: "unanswered", issues: known.error });
  const { manifests, undescribed } = known.value;
  for (const [interceptor, reason] of undescribed)
    deps.log.write("warn", "interceptor_not_described", { interceptor, reason, reused: manifests.has(interceptor) });
  const plan = compile(config, manifests, (pointer) => positions.at(pointer));
  if (!plan.ok) return faulty(plan.error);
  const upstreams = await acquireUpstreams(loaded, deps.acquire, leases);
  if (!upstreams.ok) return faulty(upstreams.error);
  const runnable = assemble(plan.value, config, {
    ...deps.resources,
    clients: clients.value.clients,
    upstreams: upstreams.value,
  });
  return ok({
    generation: { plan: runnable, retire: giveBack },
    plan: plan.value,
    loaded,
    manifests,
    ...clients.value,
    undescribed,
  });
}

/** What is at hand, and what those say who are asked: all where nothing is, else those whose authorities are others than vouched for the manifest they have (C32). */
async function answersOf(
  { config: { interceptors } }: LoadedConfig,
  { clients, trusts }: Pick<Built, "clients" | "trusts">,
  { before, answers }: BuildOptions,
): Promise<ReadonlyMap<string, Described>> {
  if (answers === undefined) return describeAll(interceptors, clients);
  const asked = interceptors.filter(({ name }) => !answers.has(name) && before?.trusts.get(name) !== trusts.get(name));
  return new Map([...answers, ...(await describeAll(asked, clients))]);
}

/** Why the peers of these clients are refused, where they are. */
function refusalsOf(clients: ReadonlyMap<string, ReviewClient>): ReadonlyMap<string, string> {
  const refusals = new Map<string, string>();
  for (const [name, client] of clients) {
    const refused = client.status().endpoints.find(({ state, fault }) => state === "connecting" && fault !== undefined);
    if (refused?.fault !== undefined) refusals.set(name, refused.fault);
  }
  return refusals;
}

const faulty = (issues: readonly ConfigIssue[]): Result<never, BuildFailure> => err({ kind: "faulty", issues });

/** A client for each interceptor, their leases put into `leases` one by one, also where it fails; or every issue. */
export async function acquireClients(
  loaded: LocatedConfig,
  acquire: Acquire,
  leases: Held[],
): Promise<Result<Pick<Built, "clients" | "trusts">, readonly ConfigIssue[]>> {
  const clients = new Map<string, ReviewClient>();
  const trusts = new Map<string, string>();
  const issues: ConfigIssue[] = [];
  for (const [index, interceptor] of loaded.config.interceptors.entries()) {
    const lease = await acquire.client(interceptor, index, loaded);
    if (!lease.ok) {
      issues.push(...lease.error);
      continue;
    }
    leases.push(lease.value);
    clients.set(interceptor.name, lease.value.resource);
    trusts.set(interceptor.name, lease.value.trust);
  }
  return issues.length > 0 ? err(issues) : ok({ clients, trusts });
}

/** An upstream for each name, the same way. */
export async function acquireUpstreams(
  loaded: LocatedConfig,
  acquire: Acquire,
  leases: Held[],
): Promise<Result<ReadonlyMap<string, Lease<Upstream>>, readonly ConfigIssue[]>> {
  const upstreams = new Map<string, Lease<Upstream>>();
  const issues: ConfigIssue[] = [];
  for (const upstream of loaded.config.upstreams) {
    const lease = await acquire.upstream(upstream, loaded);
    if (!lease.ok) {
      issues.push(...lease.error);
      continue;
    }
    leases.push(lease.value);
    upstreams.set(upstream.name, lease.value);
  }
  return issues.length > 0 ? err(issues) : ok(upstreams);
}

/** Issues as lines for people. */
export const issueLines = (issues: readonly ConfigIssue[]): readonly string[] => issues.map(formatIssue);
