import { hash } from "node:crypto";
import type { BindingPlan } from "../../../model/plan.ts";
import type { ReviewSubject } from "../../../ports/review-client.ts";

/** Names what a binding is about to be asked, as encoded; equal names, equal questions (C34). */
export type NameView = (subject: ReviewSubject, view: Uint8Array) => string;

/**
 * SHA-256 over (interceptor, `binding_digest`, phase, view sent), and over who asks unless the operator lets callers share verdicts.
 * Texts go in as JSON, one line each, so that no two lists of them look alike; of the view the encoding tells absent from empty.
 */
export function nameViews({ interceptor, digest, phase, cache }: BindingPlan): NameView {
  const isShared = cache?.shared === true;
  const about = `${JSON.stringify([interceptor, digest, phase])}\n`;
  return ({ exchange }, view) => {
    const { principal, tenant } = exchange;
    const whose = isShared ? "" : JSON.stringify([principal.anonymous, principal.id, tenant]);
    // in one call: an object that hashes in parts costs the collector more than the hashing
    return hash("sha256", Buffer.concat([Buffer.from(`${about}${whose}\n`), view]), "base64");
  };
}
