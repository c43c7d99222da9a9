import type { View as SentView } from "@sallyport/contract/gen/sallyport/interceptor/v1/interceptor.ts";
import { guardedView } from "./guarded-view.ts";
import type { CompiledBinding } from "./interceptor.ts";
import { sentBody, type SentBody } from "./sent-body.ts";
import { type Level, viewTree } from "./view-tree.ts";

/** The view of one review: what `review` is shown, and what its patches are worked out against. */
export interface ReviewedView {
  readonly shown: object;
  readonly bodies: { readonly request: SentBody; readonly response: SentBody };
  /** Whether something was sent at these tokens of a pointer. */
  has(tokens: readonly string[]): boolean;
}

/** Reads what the gateway sent, for the binding that will review it. */
export function reviewedView(sent: SentView, reader: CompiledBinding): ReviewedView {
  const bodies = {
    request: sentBody(sent.request?.body, reader.binding.body),
    response: sentBody(sent.response?.body, reader.binding.body),
  };
  const tree = viewTree(sent, bodies);
  return { shown: guardedView(tree, reader), bodies, has: (tokens) => isIn(tree, tokens) };
}

function isIn(level: Level, [first, ...rest]: readonly string[]): boolean {
  const member = first === undefined ? undefined : level.members.get(first);
  if (member === undefined) return false;
  return rest.length === 0 || (member.kind === "level" && isIn(member, rest));
}
