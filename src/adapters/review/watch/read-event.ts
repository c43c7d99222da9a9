import { isCacheTag } from "@sallyport/contract/cache-policy.ts";
import { Event } from "@sallyport/contract/gen/sallyport/interceptor/v1/interceptor.ts";
import { FIXED_LIMITS } from "@sallyport/contract/limits.ts";
import { decodeStrict } from "@sallyport/contract/wire.ts";
import { err, ok, type Result } from "../../../model/result.ts";

/** What a service says by `Watch`. A newer contract's events are neither. */
export interface WatchEvent {
  readonly manifestChanged: boolean;
  /** Verdicts with any of these tags are to be forgotten; empty: none. */
  readonly revoked: readonly string[];
}

/** Reads one event, held to its bounds before it is decoded; the error is a sentence without text of the service. */
export function readEvent(bytes: Uint8Array): Result<WatchEvent, string> {
  const { eventBytes, revokeTags } = FIXED_LIMITS;
  if (bytes.byteLength > eventBytes) return err(`an event of ${bytes.byteLength} bytes, at most ${eventBytes} allowed`);
  const decoded = decodeStrict(Event, bytes);
  if (!decoded.ok) return err(decoded.error);
  const { kind } = decoded.value;
  const revoked = kind?.$case === "revoke" ? kind.value.tags : [];
  if (revoked.length > revokeTags) return err(`a revoke of ${revoked.length} tags, at most ${revokeTags} allowed`);
  if (!revoked.every(isCacheTag)) return err("a revoke of a tag that is empty or too long");
  return ok({ manifestChanged: kind?.$case === "manifestChanged", revoked });
}
