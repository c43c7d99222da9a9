import type { InterceptorConfig } from "../config/interceptor-config.ts";
import type { Manifest } from "../model/manifest.ts";
import { canonicalJson } from "../support/canonical-json.ts";
import { sha256Hex } from "../support/hash.ts";
import { snakeKeys } from "../model/snake-keys.ts";

/**
 * Identity of a manifest, 64 hex digits (RFC.md §7.2): SHA-256 over its JSON with members in snake_case sorted by name, every list a
 * sorted set, and what is empty or false left out, so that a field nobody uses changes no digest.
 */
export const manifestDigest = (manifest: Manifest): string => sha256Hex(canonicalJson(canonical(snakeKeys(manifest)) ?? {}));

/** Why a manifest is refused that is not the pinned one; undefined where it is, or none is. */
export function pinFault(
  { manifestDigest: pinned }: Pick<InterceptorConfig, "manifestDigest">,
  manifest: Manifest,
): string | undefined {
  if (pinned === undefined) return undefined;
  const found = manifestDigest(manifest);
  return found === pinned ? undefined : `the manifest has the digest ${found}, the operator's manifest_digest is ${pinned}`;
}

function canonical(value: unknown): unknown {
  if (Array.isArray(value)) {
    const byText = new Map(value.map(canonical).map((item) => [canonicalJson(item), item] as const));
    return byText.size === 0 ? undefined : [...byText].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, item]) => item);
  }
  if (typeof value !== "object" || value === null) return value === "" || value === false ? undefined : value;
  const members = Object.entries(value)
    .map(([name, member]) => [name, canonical(member)] as const)
    .filter(([, member]) => member !== undefined);
  return members.length === 0 ? undefined : Object.fromEntries(members);
}
