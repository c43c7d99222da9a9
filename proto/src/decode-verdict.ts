import { Verdict as WireVerdict } from "../gen/sallyport/interceptor/v1/interceptor.ts";
import { toCachePolicy } from "./cache-policy.ts";
import { denial } from "./denial.ts";
import type { PatchOperation } from "./json-patch.ts";
import { toPatch } from "./patch-wire.ts";
import { err, ok, type Result } from "./result.ts";
import { respondHeaders } from "./verdict-headers.ts";
import { toNotes, type WireNotes } from "./verdict-notes.ts";
import type { Verdict } from "./verdict-types.ts";
import { decodeStrict } from "./wire.ts";

/** Why bytes are no usable verdict: an `invalid` review failure with this reason (C15). */
export interface VerdictProblem {
  readonly reason: "undecodable" | "too_many_patches" | "patch_rejected" | "contract";
  /** A sentence for the log; holds no text of the interceptor. */
  readonly detail: string;
}

/** What the gateway knows of the review a verdict answers. */
export interface ExpectedVerdict {
  readonly reviewId: string;
  readonly maxPatches: number;
  /** Codes a denial may not use: the gateway's own (C9). */
  readonly reservedCodes?: ReadonlySet<string> | undefined;
  /** Whether a denial may carry a header because the binding was granted it, besides those every denial may (C9). */
  readonly mayCarry?: ((name: string) => boolean) | undefined;
  /** Whether the binding has the power `set-cookies` (C23); false when absent. */
  readonly maySetCookies?: boolean | undefined;
}

/**
 * Reads one answer to a review. Never throws, whatever the bytes.
 *
 * A denial is a denial whatever else is in the message or wrong with it (C8): only bytes that are no message and the
 * wrong review id make it a failure. Everything else is held to the contract: exactly one of allow and respond,
 * patches only with allow, all bounds kept.
 */
export function decodeVerdict(bytes: Uint8Array, expected: ExpectedVerdict): Result<Verdict, VerdictProblem> {
  const decoded = decodeStrict(WireVerdict, bytes);
  if (!decoded.ok) return err({ reason: "undecodable", detail: decoded.error });
  const wire = decoded.value;
  if (wire.reviewId !== expected.reviewId) return contract("the verdict answers another review");
  if (wire.deny !== undefined) return ok(denial(wire, wire.deny, expected));
  if (wire.allow !== undefined && wire.respond !== undefined) return contract("allow and respond in one verdict");
  const notes = toNotes(wire);
  if (!notes.ok) return contract(notes.error);
  if (wire.respond !== undefined) return respond(wire, notes.value, expected);
  return wire.allow === undefined ? contract("neither allow nor deny nor respond") : allow(wire, notes.value, expected);
}

function allow(wire: WireVerdict, notes: WireNotes, { maxPatches }: ExpectedVerdict): Result<Verdict, VerdictProblem> {
  if (wire.patches.length > maxPatches) {
    return err({ reason: "too_many_patches", detail: `${wire.patches.length} patches, at most ${maxPatches} allowed` });
  }
  const patches: PatchOperation[] = [];
  for (const [index, operation] of wire.patches.entries()) {
    const patch = toPatch(operation);
    if (!patch.ok) return err({ reason: "patch_rejected", detail: `operation ${index}: ${patch.error}` });
    patches.push(patch.value);
  }
  const cache = toCachePolicy(wire.cache);
  if (!cache.ok) return contract(cache.error);
  return ok({
    kind: "allow",
    patches,
    ...notes,
    ...(cache.value === undefined ? {} : { cache: cache.value }),
    ...(wire.validForMs === 0 ? {} : { validForMs: wire.validForMs }),
  });
}

function respond(wire: WireVerdict, notes: WireNotes, expected: ExpectedVerdict): Result<Verdict, VerdictProblem> {
  const { respond: answer } = wire;
  if (answer === undefined) return contract("no respond");
  if (wire.patches.length > 0) return contract("patches with respond");
  if (answer.httpStatus < 200 || answer.httpStatus > 599) return contract("a respond status is 200 to 599");
  const headers = respondHeaders(answer.headers, expected.maySetCookies === true);
  if (!headers.ok) return contract(headers.error);
  return ok({ kind: "respond", status: answer.httpStatus, headers: headers.value, body: answer.body, ...notes });
}

const contract = (detail: string): Result<never, VerdictProblem> => err({ reason: "contract", detail });
