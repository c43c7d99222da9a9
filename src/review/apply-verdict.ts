import { checkFieldValue, type CheckedChange } from "@sallyport/contract/field-value.ts";
import type { PatchOperation, PatchRejection } from "@sallyport/contract/json-patch.ts";
import { applyFieldPatches } from "@sallyport/contract/patch-fields.ts";
import { fieldTokens, isWritableField, type Field, type PointerSet } from "@sallyport/contract/view-field.ts";
import type { Exchange } from "../model/exchange.ts";
import type { BindingPlan } from "../model/plan.ts";
import { err, ok, type Result } from "../model/result.ts";
import type { InvalidReason, ReviewFailure } from "../model/review-failure.ts";
import type { ReviewSubject } from "../ports/review-client.ts";
import { isHiddenField, spelled, type HiddenNames } from "./hidden.ts";
import { readField } from "./read-field.ts";
import { bodyBytes, writeFields } from "./write-fields.ts";

/** What a binding may read and write, compiled from its grant. */
export interface CompiledGrant {
  readonly plan: BindingPlan;
  readonly needs: PointerSet;
  readonly writes: PointerSet;
  readonly expose: PointerSet;
  readonly hidden: HiddenNames;
}

/** What an accepted verdict made of the exchange. */
export interface Applied {
  readonly exchange: Exchange;
  /** Every field that may have changed; empty without patches. */
  readonly changes: readonly CheckedChange[];
}

/**
 * Applies the patches of an allow verdict to what its review was about, all or none (RFC.md §4): on failure the caller still holds
 * the unchanged exchange and goes by the failure policy. Whether the change moves the request to another route is the
 * caller's question (C1).
 */
export function applyPatches(
  grant: CompiledGrant,
  subject: ReviewSubject,
  operations: readonly PatchOperation[],
): Result<Applied, ReviewFailure> {
  const { exchange } = subject;
  if (operations.length === 0) return ok({ exchange, changes: [] });
  const { plan } = grant;
  if (plan.mode !== "mutate") return invalid("contract", `${nameOf(plan)} patched, but was granted ${plan.mode}`);
  const patched = applyFieldPatches(operations, {
    read: (field) => readField(subject, field),
    shown: (field) => isShown(grant, field),
    writable: (tokens, field) => isWritable(grant, tokens, field),
    maxBytes: Math.max(largestBody(plan), MIN_FIELD_BYTES),
  });
  if (!patched.ok) return rejected(plan, sentenceOf(patched.error));
  const changes: CheckedChange[] = [];
  for (const change of patched.value.values()) {
    const checked = checkFieldValue(change, { bodyFormat: plan.body });
    if (!checked.ok) return rejected(plan, checked.error);
    const misfit = misfitOf(plan, exchange, checked.value);
    if (misfit !== undefined) return rejected(plan, misfit);
    changes.push(checked.value);
  }
  return ok({ exchange: writeFields(exchange, changes), changes });
}

/** A binding that is shown small bodies, or none, still writes headers of any reasonable size. Bytes. */
const MIN_FIELD_BYTES = 64 * 1024;

/** What a body may grow to: twice what is shown of one. Bytes. */
const largestBody = ({ limits }: BindingPlan): number => 2 * limits.maxBodyBytes;

// cut: a pointer of a refused patch may be anything, and this is for the log
const sentenceOf = ({ opIndex, path, code }: PatchRejection): string => `patch ${opIndex} on ${path.slice(0, 200)}: ${code}`;

/** `from` and `test` may name only what the binding was sent, and never what only `expose` lifted (C10, C23). */
function isShown(grant: CompiledGrant, field: Field): boolean {
  const tokens = fieldTokens(field);
  return grant.needs.covers(tokens) && !grant.expose.covers(tokens) && !isHiddenField(grant.hidden, field);
}

function isWritable(grant: CompiledGrant, tokens: readonly string[], field: Field): boolean {
  const { plan } = grant;
  const path = fieldTokens(field);
  if (!isWritableField(plan.phase, { field, rest: tokens.slice(path.length) }).ok) return false;
  // existing cookies stay hidden and unread: adding one is a power, not a write (C23)
  if (field.kind === "header" && field.name === "set-cookie") return plan.may.includes("set-cookies");
  if (isHiddenField(grant.hidden, field) || grant.expose.covers(path) || isForeign(plan, field)) return false;
  return grant.writes.covers(tokens);
}

const isForeign = (plan: BindingPlan, field: Field): boolean =>
  field.kind === "header" &&
  field.side === "request" &&
  plan.foreignHeaders.some((owned) => spelled(owned) === spelled(field.name));

/** Why a change, legal in itself, does not fit this exchange. */
function misfitOf(plan: BindingPlan, { head, response }: Exchange, change: CheckedChange): string | undefined {
  if (change.kind === "status") {
    // an agreement between the two ends, and nobody else's to undo but by a deny (C26)
    if (response?.status === 101) return "the status of an upgrade cannot change";
    // a body would appear from nowhere, or vanish without a patch (C26)
    const alters = isBodiless(change.status) !== isBodiless(response?.status);
    return alters ? "the status cannot change between one with and one without a body" : undefined;
  }
  if (change.kind !== "body") return undefined;
  if (change.side === "response" && (head.method === "HEAD" || isBodiless(response?.status)))
    return "the response has no body to patch";
  const maxBytes = largestBody(plan);
  const tooLarge = maxBytes < MIN_FIELD_BYTES && change.body !== undefined && bodyBytes(change.body).byteLength > maxBytes;
  return tooLarge ? `the body would be larger than ${maxBytes} bytes` : undefined;
}

/** A 101 has no body either: what comes behind it is another protocol's. */
const isBodiless = (status: number | undefined): boolean => status === 204 || status === 304 || status === 101;

const rejected = (plan: BindingPlan, why: string): Result<never, ReviewFailure> =>
  invalid("patch_rejected", `${nameOf(plan)}: ${why}`);

const nameOf = (plan: BindingPlan): string => `${plan.interceptor}/${plan.id}`;

/** An answer that is no usable verdict. */
export const invalid = (reason: InvalidReason, message: string): Result<never, ReviewFailure> =>
  err({ kind: "invalid", reason, message });
