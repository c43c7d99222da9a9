import { Verdict as WireVerdict } from "@sallyport/contract/gen/sallyport/interceptor/v1/interceptor.ts";
import { utf8Length } from "@sallyport/contract/json-pointer.ts";
import { FIXED_LIMITS } from "@sallyport/contract/limits.ts";
import { MODES } from "@sallyport/contract/phase.ts";
import { decodeStrict } from "@sallyport/contract/wire.ts";
import { placeOf, usable, verdictsAmong } from "../asked.ts";
import { USUAL_LIMITS } from "../binding-under-test.ts";
import type { ConformanceCase } from "../conformance-case.ts";
import { ensure, fail, skip } from "../finding.ts";
import { checkPatches } from "../verdict-checks.ts";

/** What verdicts say, over the reviews of everything ordinary traffic may hold. */
export const VERDICT_CASES: readonly ConformanceCase[] = [
  {
    name: "verdict-for-typical-view",
    rule: "§4.1",
    requires: "a review whose view holds everything the binding needs gets a usable verdict that echoes its review_id",
    run: async (probe) => usableFor(await probe.everyday(), "the typical view"),
  },
  {
    name: "verdict-for-absent-fields",
    rule: "§3.2",
    requires: "a review gets a usable verdict where headers, query, labels and body are absent and the caller is anonymous",
    run: async (probe) => usableFor(await probe.everyday(), "the bare view"),
  },
  {
    name: "verdict-for-odd-texts",
    rule: "§3.4",
    requires:
      "a review gets a usable verdict whatever legal names and texts its view holds, such as __proto__ and bytes above 0x7f",
    run: async (probe) => usableFor(await probe.everyday(), "the odd view"),
  },
  {
    name: "verdict-size",
    rule: "§4.7",
    requires: "a verdict is at most as large as Describe allowed",
    async run(probe) {
      let largest = 0;
      for (const asked of await probe.everyday()) {
        if (asked.answer.kind !== "reply") continue;
        const { byteLength } = asked.answer.bytes;
        ensure(byteLength <= USUAL_LIMITS.maxResponseBytes, `${placeOf(asked)}: ${byteLength} bytes`);
        largest = Math.max(largest, byteLength);
      }
      return `the largest has ${largest} bytes`;
    },
  },
  {
    name: "verdict-fits-mode",
    rule: "§2.4",
    requires: "only mutate bindings patch or respond, and observers only allow",
    async run(probe) {
      for (const [asked, verdict] of verdictsAmong(await probe.everyday())) {
        const { mode } = asked.binding;
        if (verdict.kind === "allow" && verdict.patches.length > 0 && !MODES[mode].mayPatch)
          fail(`${placeOf(asked)}: patches of a ${mode} binding`);
        if (verdict.kind === "respond" && mode !== "mutate") fail(`${placeOf(asked)}: a ${mode} binding responds`);
        if (verdict.kind === "deny" && !MODES[mode].mayDeny) fail(`${placeOf(asked)}: a ${mode} binding denies`);
      }
    },
  },
  {
    name: "verdict-patch-count",
    rule: "§4.7",
    requires: "a verdict has at most as many patch operations as Describe allowed",
    async run(probe) {
      for (const [asked, verdict] of verdictsAmong(await probe.everyday())) {
        const count = verdict.kind === "allow" ? verdict.patches.length : 0;
        ensure(count <= USUAL_LIMITS.maxPatches, `${placeOf(asked)}: ${count} operations, at most ${USUAL_LIMITS.maxPatches}`);
      }
    },
  },
  {
    name: "verdict-patches-apply",
    rule: "C10",
    requires: "patches apply to the view that was sent, lie inside the declared writes, and leave legal values",
    async run(probe) {
      let count = 0;
      for (const [asked, verdict] of verdictsAmong(await probe.everyday())) {
        if (verdict.kind !== "allow" || verdict.patches.length === 0 || asked.request.view === undefined) continue;
        const checked = checkPatches(verdict.patches, asked.binding, asked.request.view);
        if (!checked.ok) fail(`${placeOf(asked)}: ${checked.error}`);
        count += verdict.patches.length;
      }
      return count === 0 ? skip("no review was answered with patches") : `${count} operations`;
    },
  },
  {
    name: "verdict-denials",
    rule: "§4.2",
    requires: "a denial has a status of 400 to 599, a code and a message in bounds, headers it may carry, and JSON for a body",
    async run(probe) {
      const denials = verdictsAmong(await probe.everyday()).flatMap(([asked, verdict]) =>
        verdict.kind === "deny" ? [[asked, verdict] as const] : [],
      );
      for (const [asked, { defects }] of denials)
        ensure(defects.length === 0, `${placeOf(asked)}: wrong in the denial: ${defects.join(", ")}`);
      return denials.length === 0 ? skip("no review was denied") : `${denials.length} denials`;
    },
  },
  {
    name: "verdict-responds",
    rule: "C12",
    requires: "a respond verdict comes before post-response only, and within its bounds",
    async run(probe) {
      const responds = verdictsAmong(await probe.everyday()).filter(([, { kind }]) => kind === "respond");
      for (const [asked] of responds) ensure(asked.binding.phase !== "post-response", `${placeOf(asked)}: responds`);
      return responds.length === 0 ? skip("no review was answered with respond") : `${responds.length} answers`;
    },
  },
  {
    name: "verdict-notes",
    rule: "§4.1",
    requires: "annotations and warnings are at most 16 each, of at most 256 bytes, and an annotation has a name",
    async run(probe) {
      for (const asked of await probe.everyday()) {
        const verdict = asked.answer.kind === "reply" ? decodeStrict(WireVerdict, asked.answer.bytes) : undefined;
        const problem = verdict?.ok === true ? notesProblem(verdict.value) : undefined;
        if (problem !== undefined) fail(`${placeOf(asked)}: ${problem}`);
      }
    },
  },
  {
    name: "verdict-repeatable",
    rule: "C34",
    requires: "a binding that is declared cacheable answers an equal view alike",
    async run(probe) {
      const cacheable = (await probe.bindings()).filter(({ declaration }) => declaration.cacheable);
      if (cacheable.length === 0) skip("no binding is cacheable");
      for (const binding of cacheable) {
        const [first, second] = [usable(await probe.reviewSample(binding)), usable(await probe.reviewSample(binding))];
        ensure(first.kind === second.kind, `${binding.place}: ${first.kind} first, then ${second.kind}`);
      }
    },
  },
];

function usableFor(all: Parameters<typeof verdictsAmong>[0], shown: string): string {
  const kinds = all.filter((asked) => asked.shown === shown).map((asked) => `${asked.binding.id} ${usable(asked).kind}`);
  return kinds.join(", ");
}

function notesProblem({ annotations, warnings }: WireVerdict): string | undefined {
  const { annotations: most, annotationBytes, warnings: mostWarnings, warningBytes } = FIXED_LIMITS;
  if (annotations.length > most) return `${annotations.length} annotations`;
  if (warnings.length > mostWarnings) return `${warnings.length} warnings`;
  if (annotations.some(({ name }) => name === "")) return "an annotation without a name";
  const longest = Math.max(0, ...annotations.flatMap(({ name, value }) => [utf8Length(name), utf8Length(value)]));
  if (longest > annotationBytes) return `${longest} bytes in an annotation`;
  const longestWarning = Math.max(0, ...warnings.map((text) => utf8Length(text)));
  return longestWarning > warningBytes ? `a warning of ${longestWarning} bytes` : undefined;
}
