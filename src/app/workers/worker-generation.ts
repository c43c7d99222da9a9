import { issueLines, acquireClients, acquireUpstreams, type BuildDeps, type Held } from "../generations.ts";
import type { Manifest } from "../../model/manifest.ts";
import { err, ok, type Result } from "../../model/result.ts";
import { manifestDigest } from "../../plan/manifest-digest.ts";
import type { ReviewClient } from "../../ports/review-client.ts";
import { assemble } from "../assemble.ts";
import { describeAll } from "../describe-all.ts";
import type { Generation } from "../plan-holder.ts";
import type { WorkerPlan } from "./plan-snapshot.ts";

/** A plan that a worker could serve by. */
export interface WorkerGeneration {
  readonly generation: Generation;
  readonly clients: ReadonlyMap<string, ReviewClient>;
  /** Interceptors that said something else here than what the plan was made of. */
  readonly differing: readonly string[];
}

/**
 * Acquire → introduce → assemble: the plan came compiled. Every connection is told the operator's config before it is asked for reviews,
 * as each may lead to another replica of a service; what is answered grants nothing here. `given` is the worker's share; leaves nothing acquired
 * where it fails.
 */
export async function buildReceived(given: WorkerPlan, deps: BuildDeps): Promise<Result<WorkerGeneration, string>> {
  const leases: Held[] = [];
  const giveBack = async (): Promise<void> => {
    for (const lease of leases.splice(0).toReversed()) await lease.release();
  };
  let isBuilt = false;
  try {
    const built = await attempt(given, deps, { leases, giveBack });
    isBuilt = built.ok;
    return built;
  } finally {
    if (!isBuilt) await giveBack();
  }
}

async function attempt(
  { plan, config, manifests }: WorkerPlan,
  deps: BuildDeps,
  { leases, giveBack }: { readonly leases: Held[]; readonly giveBack: () => Promise<void> },
): Promise<Result<WorkerGeneration, string>> {
  const located = { config, positions: { at: () => NO_PLACE } };
  const acquired = await acquireClients(located, deps.acquire, leases);
  if (!acquired.ok) return err(issueLines(acquired.error).join("; "));
  const { clients } = acquired.value;
  const known = config.interceptors.filter(({ name }) => manifests.has(name));
  const answers = await describeAll(known, clients);
  const upstreams = await acquireUpstreams(located, deps.acquire, leases);
  if (!upstreams.ok) return err(issueLines(upstreams.error).join("; "));
  const runnable = assemble(plan, config, { ...deps.resources, clients, upstreams: upstreams.value });
  const differing = [...answers].flatMap(([name, answer]) =>
    answer.ok && isOther(manifests.get(name), answer.value) ? [name] : [],
  );
  return ok({ generation: { plan: runnable, retire: giveBack }, clients, differing });
}

/** Whether the second is something else than the plan was made of. */
export const isOther = (known: Manifest | undefined, said: Manifest): boolean =>
  known === undefined || manifestDigest(known) !== manifestDigest(said);

/** The control process knows where things are written, and reports it. */
const NO_PLACE = { file: "(received)", line: 1, column: 1 };
