import type {
  BindingDeclaration as WireBinding,
  Manifest as WireManifest,
} from "@sallyport/contract/gen/sallyport/interceptor/v1/interceptor.ts";
import { isHeaderName } from "@sallyport/contract/header-text.ts";
import { bodyFormatFromWire, modeFromWire, phaseFromWire, type BodyFormat } from "@sallyport/contract/phase.ts";
import { isProtectedHeader, legalNeeds, legalWrites } from "@sallyport/contract/view-field.ts";
import { FIXED_LIMITS } from "../../model/limits.ts";
import type { BindingDeclaration, Manifest } from "../../model/manifest.ts";
import { err, ok, type Result } from "../../model/result.ts";

/** Bounds on what a manifest may declare. */
const MAX = { bindings: 256, listEntries: 256, textChars: 1024 } as const;

/**
 * A manifest in our words, or what is wrong with it and where. What it asks is checked for being possible at all; what of it is granted
 * is the plan's business, and so are path patterns.
 */
export function toManifest(wire: WireManifest): Result<Manifest, string> {
  const { name, version, expectedAudience } = wire;
  const long = [name, version, expectedAudience].find((text) => text.length > MAX.textChars);
  if (long !== undefined) return err(`name, version and expected_audience have at most ${MAX.textChars} characters`);
  if (wire.bindings.length > MAX.bindings)
    return err(`a manifest has at most ${MAX.bindings} bindings, this one ${wire.bindings.length}`);
  const stateScope = STATE_SCOPES[wire.stateScope];
  if (stateScope === undefined) return err(`state_scope ${wire.stateScope} is unknown`);
  const bindings: BindingDeclaration[] = [];
  const known = new Set<string>();
  for (const [index, declared] of wire.bindings.entries()) {
    const binding = toDeclaration(declared);
    const place = `binding ${index}${BINDING_ID.test(declared.id) ? ` "${declared.id}"` : ""}`;
    if (!binding.ok) return err(`${place}: ${binding.error}`);
    const key = `${binding.value.phase} ${binding.value.id}`;
    if (known.has(key)) return err(`${place}: declared twice at ${binding.value.phase}`);
    known.add(key);
    bindings.push(binding.value);
  }
  return ok({ name, version, bindings, expectedAudience, stateScope, revokes: wire.revokes });
}

const STATE_SCOPES: Readonly<Record<number, Manifest["stateScope"]>> = { 0: "none", 1: "none", 2: "replica", 3: "cluster" };

const BINDING_ID = /^(?=.{1,64}$)[a-z0-9]+(?:-[a-z0-9]+)*$/;

function toDeclaration(wire: WireBinding): Result<BindingDeclaration, string> {
  const { id, needs, writes, ownsHeaders, cacheable, idempotent, failClosed } = wire;
  const phase = phaseFromWire(wire.phase);
  const mode = modeFromWire(wire.mode);
  const body =
    wire.body === 0
      ? ok<BodyFormat | undefined>(undefined)
      : known(bodyFormatFromWire(wire.body), `body ${wire.body} is unknown`);
  if (!BINDING_ID.test(id)) return err("an id is 1 to 64 of a-z, 0-9 and single '-' in between");
  if (phase === undefined) return err(`phase ${wire.phase} is unknown`);
  if (mode === undefined) return err(`mode ${wire.mode} is unknown`);
  if (!body.ok) return body;
  const selector = {
    methods: wire.selector?.methods ?? [],
    hosts: wire.selector?.hosts ?? [],
    paths: wire.selector?.paths ?? [],
  };
  const wrong =
    listProblem({ ...selector, needs, writes, owns_headers: ownsHeaders }) ??
    pointerProblem("needs", needs, (pointer) => legalNeeds(phase, pointer, mode)) ??
    pointerProblem("writes", writes, (pointer) => legalWrites(phase, pointer)) ??
    ownedProblem(ownsHeaders);
  if (wrong !== undefined) return err(wrong);
  return ok({ id, phase, mode, selector, needs, writes, ownsHeaders, cacheable, idempotent, body: body.value, failClosed });
}

const known = <T>(value: T | undefined, otherwise: string): Result<T, string> =>
  value === undefined ? err(otherwise) : ok(value);

function listProblem(lists: Readonly<Record<string, readonly string[]>>): string | undefined {
  for (const [name, list] of Object.entries(lists)) {
    if (list.length > MAX.listEntries) return `${name} has at most ${MAX.listEntries} entries`;
    if (list.some((entry) => entry === "" || entry.length > FIXED_LIMITS.pointerBytes))
      return `an entry of ${name} is empty or longer than ${FIXED_LIMITS.pointerBytes}`;
  }
  return undefined;
}

function pointerProblem(list: string, pointers: readonly string[], legal: (pointer: string) => Result<void>): string | undefined {
  for (const pointer of pointers) {
    const result = legal(pointer);
    if (!result.ok) return `${list} ${JSON.stringify(pointer.slice(0, 200))}: ${result.error}`;
  }
  return undefined;
}

/** Owned headers are taken out of every client's request: not for what a request cannot do without (C11). */
function ownedProblem(names: readonly string[]): string | undefined {
  const bad = names.find((name) => !isHeaderName(name) || isProtectedHeader("request", name) || name.startsWith("content-"));
  return bad === undefined ? undefined : `owns_headers ${JSON.stringify(bad.slice(0, 200))}: no header a binding can own`;
}
