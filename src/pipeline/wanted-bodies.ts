import type { HeaderLines } from "../model/header-lines.ts";
import type { RunnableBinding } from "../ports/runnable-plan.ts";

/** One message of an exchange. */
export type Side = "request" | "response";

/** Whether a binding reads or writes a body, or its condition does (C22). */
export function wantsBody(binding: RunnableBinding, side: Side): boolean {
  if (side === "response" && binding.plan.phase !== "post-response") return false;
  if (binding.whenNeedsBody[side]) return true;
  return binding.plan.body !== undefined && (binding.needs.touches(`/${side}/body`) || binding.writes.touches(`/${side}/body`));
}

/** How much of a body is captured, once for all bindings that may want it (C24). Who is asked off the path never has one captured: they get a copy. */
export const captureBytes = (bindings: readonly RunnableBinding[], side: Side): number =>
  largest(bindings.filter((binding) => !isOffPath(binding) && wantsBody(binding, side)));

/** Asked off the path, about what is there anyway: observers and shadows (C29, C33). */
const isOffPath = ({ plan }: RunnableBinding): boolean => plan.mode === "observe" || plan.enforcement === "shadow";

/** How much of a body is copied while it passes, for those who are asked off the path; undefined where none wants it. */
export function copyBytes(bindings: readonly RunnableBinding[], side: Side): number | undefined {
  const wanting = bindings.filter((binding) => isOffPath(binding) && wantsBody(binding, side));
  return wanting.length === 0 ? undefined : largest(wanting);
}

const largest = (bindings: readonly RunnableBinding[]): number =>
  bindings.reduce((most, { plan }) => Math.max(most, plan.limits.maxBodyBytes), 0);

/** What a body of `decodedBytes` may take on the wire: limits are on the decoded size, and what cannot be compressed is a little larger coded (C24). */
export const codedBytes = (decodedBytes: number, headers: HeaderLines): number =>
  headers.has("content-encoding") ? decodedBytes + Math.ceil(decodedBytes / 1024) + CODING_FRAME_BYTES : decodedBytes;

/** Header and trailer of a coding, generously. */
const CODING_FRAME_BYTES = 1024;
