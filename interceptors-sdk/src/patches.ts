import type { PatchOperation } from "@sallyport/contract/json-patch.ts";
import { parsePointer } from "@sallyport/contract/json-pointer.ts";
import { fieldAt, isWritableField } from "@sallyport/contract/view-field.ts";
import type { Allow } from "./allow.ts";
import { BodyPatches, bodyTokens } from "./body-patches.ts";
import type { Change } from "./change.ts";
import { InvalidVerdictError } from "./errors.ts";
import type { CompiledBinding } from "./interceptor.ts";
import type { ReviewedView } from "./reviewed-view.ts";

/** What patches are worked out for. */
export interface PatchedReview {
  readonly reader: CompiledBinding;
  readonly view: ReviewedView;
  readonly maxPatches: number;
}

/** The patch operations of an allow verdict, in order. Throws `InvalidVerdictError` naming the rule they would break. */
export function patchesOf(answer: Allow<string>, review: PatchedReview): readonly PatchOperation[] {
  const { reader, maxPatches } = review;
  const bodies = bodiesOf(review);
  const operations: PatchOperation[] = [];
  for (const change of answer.changes) {
    const tokens = writableTokens(change.pointer, reader);
    operations.push(...operationsOf(change, tokens, { review, bodies, left: maxPatches - operations.length }));
  }
  if (operations.length <= maxPatches) return operations;
  throw new InvalidVerdictError("max_patches", `${operations.length} operations; the gateway accepts ${maxPatches}`);
}

function operationsOf(
  change: Change,
  tokens: readonly string[],
  at: { readonly review: PatchedReview; readonly bodies: Bodies; readonly left: number },
): readonly PatchOperation[] {
  const { pointer: path } = change;
  switch (change.kind) {
    case "put":
    case "append":
      // "add" sets a member whether or not it exists
      return [{ op: "add", path, value: change.value }];
    case "drop": {
      if (at.review.view.has(tokens)) return [{ op: "remove", path }];
      // not shown does not mean not there, and removing what is not there is refused: set it, then remove it
      return [
        { op: "add", path, value: tokens[1] === "query" ? [""] : "" },
        { op: "remove", path },
      ];
    }
    case "body":
      return at.bodies(tokens[0] === "response" ? "response" : "request").set(change.value);
    case "edit": {
      const [side, body, ...below] = bodyTokens(path);
      if (!at.review.reader.needs.covers([side, body])) {
        throw new InvalidVerdictError("edit", `the binding is not shown the body it edits: add "/${side}/body" to its needs`);
      }
      return at.bodies(side).edit([side, body, ...below], change.change, Math.max(1, at.left));
    }
    default:
      return change satisfies never;
  }
}

type Bodies = (side: "request" | "response") => BodyPatches;

/** One `BodyPatches` per side and verdict, made when first changed: a body nobody edits is not parsed. */
function bodiesOf({ reader, view }: PatchedReview): Bodies {
  const made = new Map<string, BodyPatches>();
  return (side) => {
    const body = made.get(side) ?? new BodyPatches({ side, format: reader.binding.body, current: view.bodies[side].json() });
    made.set(side, body);
    return body;
  };
}

function writableTokens(pointer: string, { id, binding, writes }: CompiledBinding): readonly string[] {
  const parsed = parsePointer(pointer);
  const tokens = parsed.ok ? parsed.value : [];
  const field = fieldAt(tokens);
  if (!parsed.ok || !field.ok) throw new InvalidVerdictError("writes", `${pointer} is no field of the view`);
  const legal = isWritableField(binding.phase, field.value);
  if (!legal.ok) throw new InvalidVerdictError("writes", `${pointer}: ${legal.error}`);
  if (writes.covers(tokens)) return tokens;
  throw new InvalidVerdictError("writes", `binding "${id}" changes ${pointer}, which its writes do not name: add it there`);
}
