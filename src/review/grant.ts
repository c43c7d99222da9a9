import { MODES, type Mode } from "@sallyport/contract/phase.ts";
import { compilePointers, intersectPointers } from "@sallyport/contract/view-field.ts";
import type { BindingDeclaration, Manifest } from "../model/manifest.ts";

/** What an operator lists of one binding; undefined lists mean "as the manifest asks". */
export interface OperatorBinding {
  readonly id: string;
  readonly phase: BindingDeclaration["phase"];
  readonly mode: Mode;
  readonly enabled: boolean;
  readonly needs: readonly string[] | undefined;
  readonly writes: readonly string[] | undefined;
}

/** One binding both sides agree on (C30). */
export interface GrantedBinding<O extends OperatorBinding> {
  /** Undefined under `dynamic` for a binding the operator does not list. */
  readonly operator: O | undefined;
  readonly declaration: BindingDeclaration;
  readonly mode: Mode;
  readonly needs: readonly string[];
  readonly writes: readonly string[];
  readonly ownsHeaders: readonly string[];
}

/** What came of a manifest under a grant. */
export interface Grant<O extends OperatorBinding> {
  readonly granted: readonly GrantedBinding<O>[];
  /** Listed by the operator and not to be had, with the reason: errors. */
  readonly refused: readonly { readonly operator: O; readonly reason: string }[];
  /** Declared by the manifest and not granted: logged under `allowlist`, an error under `exact`. */
  readonly extra: readonly BindingDeclaration[];
}

/** Operator ∩ manifest (C30). A manifest can only ever narrow what the operator said, and the operator what the manifest asks. */
export function grantBindings<O extends OperatorBinding>(
  policy: "allowlist" | "exact" | "dynamic",
  operator: readonly O[],
  manifest: Manifest,
): Grant<O> {
  const granted: GrantedBinding<O>[] = [];
  const refused: { operator: O; reason: string }[] = [];
  const listed = new Set<BindingDeclaration>();
  for (const entry of operator) {
    const declaration = manifest.bindings.find(({ id, phase }) => id === entry.id && phase === entry.phase);
    if (declaration === undefined) {
      refused.push({ operator: entry, reason: missingReason(entry, manifest) });
      continue;
    }
    listed.add(declaration);
    if (!entry.enabled) continue;
    const reason = unmet(entry, declaration);
    if (reason === undefined) granted.push(narrow(entry, declaration));
    else refused.push({ operator: entry, reason });
  }
  const unlisted = manifest.bindings.filter((declaration) => !listed.has(declaration));
  if (policy === "dynamic") granted.push(...unlisted.map((declaration) => narrow<O>(undefined, declaration)));
  return { granted, refused, extra: policy === "dynamic" ? [] : unlisted };
}

function missingReason(entry: OperatorBinding, manifest: Manifest): string {
  const elsewhere = manifest.bindings.filter(({ id }) => id === entry.id).map(({ phase }) => phase);
  const ids = manifest.bindings.map(({ id, phase }) => `${id} (${phase})`).join(", ") || "none";
  if (elsewhere.length > 0) return `the manifest declares "${entry.id}" at ${elsewhere.join(", ")}, not at ${entry.phase}`;
  return `the manifest declares no binding "${entry.id}" at ${entry.phase}; it declares: ${ids.slice(0, 500)}`;
}

function unmet(entry: OperatorBinding, declaration: BindingDeclaration): string | undefined {
  if (MODES[entry.mode].rank > MODES[declaration.mode].rank) {
    return `mode ${entry.mode} is stronger than the ${declaration.mode} the manifest declares for "${entry.id}"`;
  }
  return lost("needs", entry.needs, declaration) ?? lost("writes", entry.writes, declaration);
}

// most likely a slip of the pen, which would leave the binding without what it works with
function lost(
  list: "needs" | "writes",
  listed: readonly string[] | undefined,
  declaration: BindingDeclaration,
): string | undefined {
  const without = (listed ?? []).filter((pointer) => intersectPointers([pointer], declaration[list]).length === 0);
  return without.length === 0
    ? undefined
    : `${list} ${without.join(", ")}, which the manifest of "${declaration.id}" does not ask for`;
}

function narrow<O extends OperatorBinding>(operator: O | undefined, declaration: BindingDeclaration): GrantedBinding<O> {
  const mode = operator?.mode ?? declaration.mode;
  const writes = mode === "mutate" ? narrowed(operator?.writes, declaration.writes) : [];
  const written = compilePointers(writes);
  return {
    operator,
    declaration,
    mode,
    needs: narrowed(operator?.needs, declaration.needs),
    writes,
    // owned headers are a part of the granted writes (C11)
    ownsHeaders: [...new Set(declaration.ownsHeaders)].filter(
      (name) => written.ok && written.value.covers(["request", "headers", name]),
    ),
  };
}

const narrowed = (operator: readonly string[] | undefined, declared: readonly string[]): readonly string[] =>
  operator === undefined ? declared : intersectPointers(operator, declared);
