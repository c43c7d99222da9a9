import type { Response } from "../model/exchange.ts";
import type { Refusal } from "../model/problem.ts";

/** Why an exchange goes no further; `by` names the stage, the policy or `interceptor/binding` that decided. */
export type Ending =
  | { readonly kind: "denied"; readonly refusal: Refusal; readonly by: string }
  | { readonly kind: "refused"; readonly refusal: Refusal; readonly by: string }
  | { readonly kind: "failed"; readonly refusal: Refusal; readonly by: string }
  | { readonly kind: "responded"; readonly response: Response; readonly by: string }
  | { readonly kind: "client-gone" };

/** A stage's answer: undefined lets the exchange go on. */
export type StageEnd = Ending | undefined;

/** The gateway itself says no. */
export const refused = (by: string, refusal: Refusal): Ending => ({ kind: "refused", refusal, by });
/** Something that had to answer did not. */
export const failed = (by: string, refusal: Refusal): Ending => ({ kind: "failed", refusal, by });
/** Nobody is there any more to be answered (C7). */
export const CLIENT_GONE: Ending = { kind: "client-gone" };

/** What a client is told of a body over its route's limit. */
export const bodyTooLargeDetail = (maxBytes: number): string =>
  `The request body is larger than the ${maxBytes} bytes this route takes.`;

/** The route's own limit on request bodies. */
export const bodyTooLarge = (maxBytes: number): Ending =>
  refused("body-limit", { problem: "body_too_large", detail: bodyTooLargeDetail(maxBytes) });

/** A bug of ours: the client learns nothing of it, the log everything. */
export const broken = (cause: unknown): Ending =>
  failed("gateway", { problem: "internal", detail: "The gateway failed.", cause });

/** What a broken body's cause says for the log: an upstream adapter tells a failure as it does everywhere, a problem and a text. */
export const causeText = (cause: unknown): unknown =>
  typeof cause === "object" && cause !== null && "cause" in cause && typeof cause.cause === "string" ? cause.cause : cause;
