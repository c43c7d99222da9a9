import type { BindingDeclaration, Manifest } from "@sallyport/contract/gen/sallyport/interceptor/v1/interceptor.ts";
import { isHeaderName } from "@sallyport/contract/header-text.ts";
import { FIXED_LIMITS } from "@sallyport/contract/limits.ts";
import { bodyFormatFromWire, modeFromWire, type Phase, phaseFromWire } from "@sallyport/contract/phase.ts";
import type { Result } from "@sallyport/contract/result.ts";
import { compilePointers, isProtectedHeader, legalNeeds, legalWrites } from "@sallyport/contract/view-field.ts";
import type { ConformanceCase } from "../conformance-case.ts";
import { ensure, fail, quoted } from "../finding.ts";

/** What the manifest says. A gateway refuses the service for any of these. */
export const MANIFEST_CASES: readonly ConformanceCase[] = [
  {
    name: "manifest-facts",
    rule: "§7.2",
    requires:
      "the name, version and audience are at most 1024 characters, the state scope is a known one, and there are at most 256 bindings",
    async run(probe) {
      const { name, version, expectedAudience, stateScope, bindings } = await probe.manifest();
      for (const text of [name, version, expectedAudience]) ensure(text.length <= 1024, `a text of ${text.length} characters`);
      // a number this contract does not know stays a number
      ensure([0, 1, 2, 3].includes(stateScope), `state_scope ${String(stateScope)} is unknown`);
      ensure(bindings.length > 0, "the manifest declares no binding");
      ensure(bindings.length <= 256, `${bindings.length} bindings`);
    },
  },
  eachBinding("manifest-ids", "§7.2", "a binding's id is 1 to 64 of a-z, 0-9 and single '-' in between", ({ id }) =>
    /^(?=.{1,64}$)[a-z0-9]+(?:-[a-z0-9]+)*$/.test(id) ? undefined : `the id ${quoted(id)}`,
  ),
  {
    name: "manifest-ids-unique",
    rule: "C30",
    requires: "no two bindings have the same id and phase",
    async run(probe) {
      const seen = new Set<string>();
      for (const { id, phase } of (await probe.manifest()).bindings) {
        const place = `${id} at phase ${phase}`;
        ensure(!seen.has(place), `${place} is declared twice`);
        seen.add(place);
      }
    },
  },
  eachBinding("manifest-phases-and-modes", "§2.3", "phase, mode and body format are known ones", ({ phase, mode, body }) => {
    if (phaseFromWire(phase) === undefined) return `phase ${phase} is unknown`;
    if (modeFromWire(mode) === undefined) return `mode ${mode} is unknown`;
    return body === 0 || bodyFormatFromWire(body) !== undefined ? undefined : `body ${body} is unknown`;
  }),
  eachBinding("manifest-needs", "§3.2", "needs name fields of the view that the phase and mode have", (binding) => {
    const mode = modeFromWire(binding.mode);
    return pointerProblem("needs", binding.needs, binding, (phase, pointer) => legalNeeds(phase, pointer, mode));
  }),
  eachBinding("manifest-writes", "C10", "writes name fields that patches of the phase may ever change", (binding) =>
    pointerProblem("writes", binding.writes, binding, legalWrites),
  ),
  eachBinding(
    "manifest-owned-headers",
    "C11",
    "owned headers are request headers among the writes, and none that a request cannot do without",
    ({ ownsHeaders, writes }) => {
      const compiled = compilePointers(writes);
      for (const name of ownsHeaders) {
        if (!isHeaderName(name)) return `${quoted(name)} is no header name in lower case`;
        if (isProtectedHeader("request", name) || name.startsWith("content-")) return `${name} cannot be owned`;
        if (compiled.ok && !compiled.value.covers(["request", "headers", name]))
          return `${name} is owned and not among the writes`;
      }
      return undefined;
    },
  ),
  eachBinding(
    "manifest-selectors",
    "§7.2",
    "selectors list methods in upper case, hosts in lower case, and paths that begin with '/'",
    ({ selector }) => {
      const { methods = [], hosts = [], paths = [] } = selector ?? {};
      const wrong =
        methods.find((method) => !/^[A-Z]+$/.test(method)) ??
        hosts.find((host) => host === "" || host !== host.toLowerCase()) ??
        paths.find((path) => !path.startsWith("/") || /[?#\s]/.test(path));
      return wrong === undefined ? undefined : `the entry ${quoted(wrong)}`;
    },
  ),
  eachBinding(
    "manifest-lists",
    "§7.2",
    "each list has at most 256 entries, none empty and none over 1024 characters",
    (binding) => {
      const { needs, writes, ownsHeaders, selector } = binding;
      for (const list of [needs, writes, ownsHeaders, selector?.methods ?? [], selector?.hosts ?? [], selector?.paths ?? []]) {
        if (list.length > FIXED_LIMITS.pointers) return `a list of ${list.length} entries`;
        if (list.some((entry) => entry === "" || entry.length > FIXED_LIMITS.pointerBytes))
          return "an entry that is empty or too long";
      }
      return undefined;
    },
  ),
];

function eachBinding(
  name: string,
  rule: string,
  requires: string,
  problemOf: (binding: BindingDeclaration) => string | undefined,
): ConformanceCase {
  return {
    name,
    rule,
    requires,
    async run(probe) {
      const manifest: Manifest = await probe.manifest();
      for (const binding of manifest.bindings) {
        const problem = problemOf(binding);
        if (problem !== undefined) fail(`binding ${quoted(binding.id)}: ${problem}`);
      }
    },
  };
}

function pointerProblem(
  list: string,
  pointers: readonly string[],
  { phase: wire }: BindingDeclaration,
  legal: (phase: Phase, pointer: string) => Result<void>,
): string | undefined {
  const phase = phaseFromWire(wire);
  if (phase === undefined) return undefined;
  for (const pointer of pointers) {
    const result = legal(phase, pointer);
    if (!result.ok) return `${list} ${quoted(pointer)}: ${result.error}`;
  }
  return undefined;
}
