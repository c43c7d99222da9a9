import { createHash } from "node:crypto";
import {
  type BindingConfig,
  type BindingDeclaration,
  type Manifest,
} from "@sallyport/contract/gen/sallyport/interceptor/v1/interceptor.ts";
import { LIMITS } from "@sallyport/contract/limits.ts";
import {
  type BodyFormat,
  bodyFormatFromWire,
  type Mode,
  modeFromWire,
  PHASES,
  type Phase,
  phaseFromWire,
} from "@sallyport/contract/phase.ts";
import { compilePointers, PointerSet } from "@sallyport/contract/view-field.ts";
import type { SuiteOptions } from "./suite-options.ts";

/** A declared binding, as an operator would bind it who takes all of it. */
export interface BindingUnderTest {
  readonly id: string;
  readonly phase: Phase;
  readonly mode: Mode;
  readonly bodyFormat: BodyFormat;
  readonly declaration: BindingDeclaration;
  readonly needs: PointerSet;
  readonly writes: PointerSet;
  /** JSON text; empty when there is none. */
  readonly configJson: string;
  /** SHA-256 of it in hex; empty when there is none. */
  readonly configDigest: string;
  /** For people: `check-name at pre-route`. */
  readonly place: string;
}

/** Ceilings a verdict is held to. */
export interface VerdictLimits {
  readonly maxPatches: number;
  readonly maxResponseBytes: number;
}

/** What an operator who says nothing gets (RFC.md §4.7). */
export const USUAL_LIMITS: VerdictLimits = {
  maxPatches: LIMITS.maxPatches.fallback,
  maxResponseBytes: LIMITS.maxResponseBytes.fallback,
};

/** The bindings a run reviews: those asked for, or all, without any that has no known phase and mode. */
export function bindingsUnderTest(manifest: Manifest, { bindings, configs }: SuiteOptions): readonly BindingUnderTest[] {
  return manifest.bindings
    .filter(({ id }) => bindings.length === 0 || bindings.includes(id))
    .flatMap((declaration) => underTest(declaration, configs.get(declaration.id) ?? ""));
}

function underTest(declaration: BindingDeclaration, configJson: string): readonly BindingUnderTest[] {
  const phase = phaseFromWire(declaration.phase);
  const mode = modeFromWire(declaration.mode);
  if (phase === undefined || mode === undefined) return [];
  const { id } = declaration;
  return [
    {
      id,
      phase,
      mode,
      bodyFormat: bodyFormatFromWire(declaration.body) ?? "json",
      declaration,
      needs: pointerSet(declaration.needs),
      writes: pointerSet(declaration.writes),
      configJson,
      configDigest: configJson === "" ? "" : createHash("sha256").update(configJson).digest("hex"),
      place: `${id} at ${phase}`,
    },
  ];
}

/** What Describe tells of a binding. */
export function configEntry(binding: BindingUnderTest, limits: VerdictLimits, reviewMs: number): BindingConfig {
  const { id, phase, configJson, configDigest } = binding;
  return { bindingId: id, phase: PHASES[phase].wire, configJson, configDigest, ...limits, timeoutMs: reviewMs };
}

// a list that is not legal is for the manifest cases to report; reviews go on with what can be used of it
function pointerSet(pointers: readonly string[]): PointerSet {
  const usable = pointers.filter((pointer) => compilePointers([pointer]).ok);
  const compiled = compilePointers(usable.slice(0, 256));
  return compiled.ok ? compiled.value : new PointerSet([]);
}
