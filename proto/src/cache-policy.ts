import { utf8Length } from "./json-pointer.ts";
import { FIXED_LIMITS } from "./limits.ts";
import { err, ok, type Result } from "./result.ts";
import type { CachePolicy } from "./verdict-types.ts";

/** How a verdict may be reused (C34): undefined where it does not say, an error where its tags exceed their bounds. */
export function toCachePolicy(wire: CachePolicy | undefined): Result<CachePolicy | undefined> {
  if (wire === undefined) return ok(undefined);
  const { cacheTags, cacheTagBytes } = FIXED_LIMITS;
  if (wire.tags.length > cacheTags) return err(`a cache policy has at most ${cacheTags} tags`);
  if (!wire.tags.every(isCacheTag)) return err(`a cache tag has 1 to ${cacheTagBytes} bytes`);
  return ok({ ttlMs: wire.ttlMs, tags: wire.tags });
}

/** Whether a text may be a tag: 1 to 256 bytes of UTF-8. */
export function isCacheTag(tag: string): boolean {
  const { cacheTagBytes } = FIXED_LIMITS;
  return tag !== "" && utf8Length(tag, cacheTagBytes) <= cacheTagBytes;
}
