import type { View } from "@sallyport/contract/gen/sallyport/interceptor/v1/interceptor.ts";
import type { PatchOperation } from "@sallyport/contract/json-patch.ts";
import { LIMITS } from "@sallyport/contract/limits.ts";
import { applyFieldPatches, checkFieldValue } from "@sallyport/contract/patch-fields.ts";
import { err, ok, type Result } from "@sallyport/contract/result.ts";
import { decodeVerdict, type Verdict } from "@sallyport/contract/verdict.ts";
import { fieldTokens, isWritableField } from "@sallyport/contract/view-field.ts";
import type { BindingUnderTest } from "./binding-under-test.ts";
import { RESERVED_CODES } from "./reserved-codes.ts";
import { viewValue } from "./view-value.ts";

/**
 * A verdict as the gateway reads it. How many patches it has, and what is wrong with a denial, is for others to judge: operators may
 * grant headers and cookies that a suite knows nothing of.
 */
export function readVerdict(bytes: Uint8Array, reviewId: string): Result<Verdict> {
  const verdict = decodeVerdict(bytes, {
    reviewId,
    maxPatches: Number.POSITIVE_INFINITY,
    reservedCodes: RESERVED_CODES,
    mayCarry: () => true,
    maySetCookies: true,
  });
  return verdict.ok ? verdict : err(`${verdict.error.reason}: ${verdict.error.detail}`);
}

/** Whether the gateway would accept a verdict's patches, all of them, under a grant of all that the binding declares (RFC.md §4.3, C10). */
export function checkPatches(patches: readonly PatchOperation[], binding: BindingUnderTest, view: View): Result<void> {
  const { needs, writes, phase, bodyFormat } = binding;
  const changes = applyFieldPatches(patches, {
    read: (field) => viewValue(view, field),
    shown: (field) => needs.covers(fieldTokens(field)),
    writable: (tokens, field) =>
      writes.covers(tokens) && isWritableField(phase, { field, rest: tokens.slice(fieldTokens(field).length) }).ok,
    // what a patched body may grow to
    maxBytes: 2 * LIMITS.maxBodyBytes.fallback,
  });
  if (!changes.ok) return err(`operation ${changes.error.opIndex} at ${changes.error.path.slice(0, 200)}: ${changes.error.code}`);
  for (const [pointer, change] of changes.value) {
    const checked = checkFieldValue(change, { bodyFormat });
    if (!checked.ok) return err(`${pointer}: ${checked.error}`);
  }
  return ok(undefined);
}
