import type { PatchOperation } from "@sallyport/contract/json-patch.ts";
import { compilePointers, type PointerSet } from "@sallyport/contract/view-field.ts";
import type { Exchange } from "../../src/model/exchange.ts";
import { HeaderLines } from "../../src/model/header-lines.ts";
import type { BindingPlan } from "../../src/model/plan.ts";
import type { Result } from "../../src/model/result.ts";
import type { ReviewFailure } from "../../src/model/review-failure.ts";
import type { ReviewSubject } from "../../src/ports/review-client.ts";
import { applyPatches, type Applied, type CompiledGrant } from "../../src/review/apply-verdict.ts";
import { toBodyView } from "../../src/review/body-view.ts";
import { bindingPlan } from "./binding-plan.ts";
import { exchangeOf } from "./exchange.ts";

/** Header lines of a test, as pairs. */
export const headers = (lines: Readonly<Record<string, string>> = {}): HeaderLines => HeaderLines.of(...Object.entries(lines));

/** The pointers of a list that is known to be right. */
export function pointers(list: readonly string[]): PointerSet {
  const compiled = compilePointers(list);
  if (!compiled.ok) throw new Error(compiled.error);
  return compiled.value;
}

/** Credentials of a usual plan. */
export const HIDDEN = {
  headers: new Set(["authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key"]),
  query: new Set(["api_key"]),
};

/** One verdict put to one exchange. */
export interface Patching {
  readonly plan?: Partial<BindingPlan>;
  readonly exchange?: Exchange;
}

/** Applies patches as a mutator that needs and may write all of the request, unless its plan says otherwise. */
export function patched(
  operations: readonly PatchOperation[],
  { plan = {}, exchange = exchangeOf() }: Patching = {},
): Result<Applied, ReviewFailure> {
  const binding = bindingPlan({ needs: ["/request"], writes: ["/request", "/labels"], body: "json", ...plan });
  return applyPatches(grantOf(binding), subjectOf(exchange, binding), operations);
}

const grantOf = (plan: BindingPlan): CompiledGrant => ({
  plan,
  needs: pointers(plan.needs),
  writes: pointers(plan.writes),
  expose: pointers(plan.expose),
  hidden: HIDDEN,
});

/** What the binding is told: bodies of bytes are shown in its format, without a content coding. */
function subjectOf(exchange: Exchange, plan: BindingPlan): ReviewSubject {
  const { head, response } = exchange;
  return {
    exchange,
    route: { name: "orders", labels: { tier: "gold" } },
    requestBody: bodyView(exchange.body, head.headers, plan),
    responseBody: bodyView(response?.body, response?.headers, plan),
    outcome: undefined,
  };
}

function bodyView(
  body: Exchange["body"],
  lines: HeaderLines | undefined,
  { body: format }: BindingPlan,
): ReviewSubject["requestBody"] {
  if (!(body instanceof Uint8Array) || format === undefined) return undefined;
  const view = toBodyView(body, format, lines?.joined("content-type"));
  if (!view.ok) throw new Error(view.error.message);
  return view.value;
}

/** The bytes of a text. */
export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** The exchange an accepted verdict leads to; fails with the reason of a refused one. */
export function exchangeAfter(operations: readonly PatchOperation[], patching?: Patching): Exchange {
  const applied = patched(operations, patching);
  if (!applied.ok) throw new Error(applied.error.message);
  return applied.value.exchange;
}

/** The reason of a refused verdict and the code of its first refused operation, such as `patch_rejected not-writable`. */
export function refusalOf(operations: readonly PatchOperation[], patching?: Patching): string {
  const applied = patched(operations, patching);
  return applied.ok ? "accepted" : `${applied.error.reason} ${applied.error.message.split(": ").at(-1)}`;
}

/** The text of a body that is at hand. */
export const textOf = (body: Exchange["body"]): string | undefined =>
  body instanceof Uint8Array ? new TextDecoder().decode(body) : undefined;
