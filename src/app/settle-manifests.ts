import type { InterceptorConfig } from "../config/interceptor-config.ts";
import type { LoadedConfig } from "../config/load-config.ts";
import type { ConfigIssue } from "../model/config-issue.ts";
import type { Manifest } from "../model/manifest.ts";
import { err, ok, type Result } from "../model/result.ts";
import { canonicalJson } from "../support/canonical-json.ts";
import { isAuthorityGone } from "./authorities-of.ts";
import type { Described } from "./describe-all.ts";
import type { Built } from "./built.ts";

/** What is known of the interceptors of a configuration. */
export interface Known {
  /** By interceptor; absent where it was not asked. */
  readonly answers: ReadonlyMap<string, Described>;
  /** The generation in force; undefined at start. */
  readonly before: Built | undefined;
  /** See Built. */
  readonly trusts: Built["trusts"];
  /** Why the peer was refused, by interceptor, where one answered that is not trusted. */
  readonly refusals: ReadonlyMap<string, string>;
}

/** The part of a Built that is about manifests. */
export type SettledManifests = Pick<Built, "manifests" | "undescribed">;

/**
 * Which manifest each interceptor runs on: its answer, the one it had, or none yet. After the start a new or changed interceptor
 * must have answered (C32): an issue at its place otherwise.
 */
export function settleManifests(
  { config, positions }: LoadedConfig,
  { answers, before, trusts, refusals }: Known,
): Result<SettledManifests, readonly ConfigIssue[]> {
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
    const lastReason = before?.undescribed.get(interceptor.name);
    if (answer === undefined && last !== undefined) {
      manifests.set(interceptor.name, last);
      if (lastReason !== undefined) undescribed.set(interceptor.name, lastReason);
      continue;
    }
    const reason = refusals.get(interceptor.name) ?? answer?.error.message ?? lastReason ?? "was not asked";
    const pointer = `/interceptors/${index}`;
    const unchanged = before !== undefined && isUnchanged(before, interceptor, trusts);
    if (before !== undefined && !unchanged && !isRevoked(before, interceptor, { trusts, refusals })) {
      issues.push({
        ...positions.at(pointer),
        pointer,
        message: `interceptor ${interceptor.name} is new or changed and did not answer Describe: ${reason}`,
      });
    }
    undescribed.set(interceptor.name, reason);
    if (last !== undefined && unchanged) manifests.set(interceptor.name, last);
  }
  return issues.length > 0 ? err(issues) : ok({ manifests, undescribed });
}

/**
 * Nothing but its authorities changed, and whoever answers there is refused by them, or keeps silent where one was taken out: that holds
 * at once. Keeping the last good plan would keep the trust that was taken back, for as long as a stolen certificate's owner cares to hang.
 */
function isRevoked(
  { loaded, trusts: before }: Built,
  interceptor: InterceptorConfig,
  { trusts, refusals }: Pick<Known, "trusts" | "refusals">,
): boolean {
  const { name } = interceptor;
  return (
    isSameEntry(loaded, interceptor) && (refusals.has(name) || isAuthorityGone(before.get(name) ?? "", trusts.get(name) ?? ""))
  );
}

/** Endpoint, trust and grant are what they were (C32); our own certificate may be another. */
function isUnchanged({ loaded, trusts: before }: Built, interceptor: InterceptorConfig, trusts: Built["trusts"]): boolean {
  const { name } = interceptor;
  return isSameEntry(loaded, interceptor) && before.get(name) === trusts.get(name);
}

function isSameEntry({ config }: LoadedConfig, interceptor: InterceptorConfig): boolean {
  const other = config.interceptors.find(({ name }) => name === interceptor.name);
  return other !== undefined && canonicalJson(other) === canonicalJson(interceptor);
}
