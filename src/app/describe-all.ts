import type { InterceptorConfig } from "../config/interceptor-config.ts";
import { CancelSource } from "../model/cancel.ts";
import type { Manifest } from "../model/manifest.ts";
import { err, type Result } from "../model/result.ts";
import type { ReviewFailure } from "../model/review-failure.ts";
import { audienceFault } from "../plan/audience-fault.ts";
import { configDigest } from "../plan/digest.ts";
import { pinFault } from "../plan/manifest-digest.ts";
import type { BindingConfig, ReviewClient } from "../ports/review-client.ts";

/** How long one Describe may take, milliseconds. */
export const DESCRIBE_TIMEOUT_MS = 2_000;

/** What came of asking one interceptor. */
export type Described = Result<Manifest, ReviewFailure>;

/** Asks one interceptor what it wants, telling it what the operator's file says of its bindings. */
export async function describeOne(interceptor: InterceptorConfig, client: ReviewClient): Promise<Described> {
  const answer = await client.describe(bindingConfigs(interceptor), {
    deadlineMs: DESCRIBE_TIMEOUT_MS,
    cancel: new CancelSource(),
  });
  const fault = answer.ok ? (audienceFault(interceptor, answer.value) ?? pinFault(interceptor, answer.value)) : undefined;
  return fault === undefined ? answer : err({ kind: "invalid", reason: "contract", message: fault });
}

/** Asks all interceptors at once; each has its own deadline. Bounded by the number of interceptors in the file. */
export async function describeAll(
  interceptors: readonly InterceptorConfig[],
  clients: ReadonlyMap<string, ReviewClient>,
): Promise<ReadonlyMap<string, Described>> {
  const asked = interceptors.flatMap((interceptor) => {
    const client = clients.get(interceptor.name);
    return client === undefined ? [] : [describeOne(interceptor, client).then((answer) => [interceptor.name, answer] as const)];
  });
  return new Map(await Promise.all(asked));
}

function bindingConfigs(interceptor: InterceptorConfig): readonly BindingConfig[] {
  return interceptor.bindings.map(({ id, phase, configJson = "", terms }) => ({
    bindingId: id,
    phase,
    configJson,
    configDigest: configDigest(configJson),
    maxPatches: terms.limits.maxPatches,
    maxResponseBytes: terms.limits.maxResponseBytes,
    timeoutMs: terms.limits.timeoutMs,
  }));
}
