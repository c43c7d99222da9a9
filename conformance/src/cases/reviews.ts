import { MODES, PHASES } from "@sallyport/contract/phase.ts";
import { compilePointers } from "@sallyport/contract/view-field.ts";
import { answered, placeOf, refused, usable } from "../asked.ts";
import type { BindingUnderTest, VerdictLimits } from "../binding-under-test.ts";
import type { ConformanceCase } from "../conformance-case.ts";
import { ensure, skip } from "../finding.ts";
import type { AskedReview, Probe } from "../probe.ts";
import { nextReviewId } from "../review-message.ts";
import { sampleExchange } from "../sample-exchange.ts";
import { EMPTY_VIEW, sampleView } from "../sample-view.ts";
import { STATUS, statusName } from "../status-name.ts";

/** Reviews an operator's grant, a repeat or another gateway can bring about. */
export const REVIEW_CASES: readonly ConformanceCase[] = [
  {
    name: "review-echoes-id",
    rule: "§4.1",
    requires: "a verdict echoes review_id exactly, whatever text it is",
    run: (probe) =>
      eachBinding(probe, async (binding) => {
        for (const reviewId of [`${nextReviewId()} ünï/✓`, `${nextReviewId()}-${"x".repeat(500)}`]) {
          usable(await probe.reviewSample(binding, "typical", { changes: { reviewId } }));
        }
      }),
  },
  {
    name: "review-twice-same-id",
    rule: "C6",
    requires: "the same review sent again gets a usable verdict, and of an idempotent binding the same answer",
    run: (probe) =>
      eachBinding(probe, async (binding) => {
        const changes = { reviewId: nextReviewId() };
        const first = usable(await probe.reviewSample(binding, "typical", { changes }));
        const second = usable(await probe.reviewSample(binding, "typical", { changes: { ...changes, attempt: 2 } }));
        if (binding.declaration.idempotent)
          ensure(first.kind === second.kind, `${binding.place}: ${first.kind} first, then ${second.kind}`);
      }),
  },
  {
    name: "review-second-attempt",
    rule: "§7.4",
    requires: "a second attempt whose first never arrived gets a usable verdict",
    run: (probe) =>
      eachBinding(probe, async (binding) => {
        usable(await probe.reviewSample(binding, "typical", { changes: { attempt: 2 } }));
      }),
  },
  {
    name: "review-ignores-unknown-digest-of-binding",
    rule: "§7.4",
    requires: "binding_digest is identity for the gateway: any value of it gets a usable verdict",
    run: (probe) =>
      eachBinding(probe, async (binding) => {
        usable(await probe.reviewSample(binding, "typical", { changes: { bindingDigest: "0".repeat(64) } }));
      }),
  },
  {
    name: "narrowed-needs",
    rule: "C30",
    requires: "where an operator narrowed the needs, a review gets a usable verdict or an error, and harms nothing",
    async run(probe) {
      await eachBinding(probe, async (binding) => {
        const exchange = sampleExchange("typical", binding);
        for (const dropped of binding.needs.pointers.slice(0, 16)) {
          const rest = compilePointers(binding.needs.pointers.filter((pointer) => pointer !== dropped));
          if (!rest.ok) continue;
          const asked = await probe.review({
            binding,
            view: sampleView(exchange, binding, rest.value),
            shown: `without ${dropped}`,
          });
          answered(asked, `a view without ${dropped}`);
        }
      });
      await probe.stillServes("views with narrowed needs");
    },
  },
  {
    name: "narrowed-mode",
    rule: "C30",
    requires: "a mutate binding that was granted validate or observe only sends no patches",
    async run(probe) {
      const mutators = (await probe.bindings()).filter(({ mode }) => mode === "mutate");
      if (mutators.length === 0) skip("no binding asks for mutate");
      for (const binding of mutators) {
        for (const granted of ["validate", "observe"] as const) {
          const asked = await probe.reviewSample(binding, "typical", {
            shown: `granted ${granted}`,
            changes: { mode: MODES[granted].wire },
          });
          answered(asked, `mode ${granted}`);
          if (asked.answer.kind === "status") continue;
          const verdict = usable(asked);
          ensure(verdict.kind !== "allow" || verdict.patches.length === 0, `${placeOf(asked)}: sends patches`);
        }
      }
    },
  },
  {
    name: "empty-view",
    rule: "§3.2",
    requires: "a review with an empty view, or with none, gets a usable verdict or an error, and harms nothing",
    async run(probe) {
      await eachBinding(probe, async (binding) => {
        answered(await probe.review({ binding, view: EMPTY_VIEW, shown: "an empty view" }), "an empty view");
        answered(await probe.review({ binding, view: undefined, shown: "no view" }), "no view");
      });
      await probe.stillServes("reviews without a view");
    },
  },
  {
    name: "large-view",
    rule: "§4.7",
    requires: "a view as large as a gateway shows by default (a body of 1 MiB, 58 KiB of headers) gets a usable verdict",
    maxMs: 60_000,
    run: (probe) =>
      eachBinding(probe, async (binding) => {
        usable(await probe.reviewSample(binding, "large"));
      }),
  },
  {
    name: "told-limits",
    rule: "§4.7",
    requires:
      "after a Describe with max_patches 0 and max_response_bytes 1 KiB a review gets a usable verdict or an error; what a gateway would refuse is remarked",
    async run(probe) {
      const limits: VerdictLimits = { maxPatches: 0, maxResponseBytes: 1024 };
      const bindings = await probe.bindings();
      const remarks: string[] = [];
      try {
        const described = await probe.describe(bindings, { limits });
        ensure(described.kind === "reply", "Describe with low limits is refused");
        // the gateway enforces these; a service can stay inside them, and need not
        for (const binding of bindings) remarks.push(...beyond(await probe.reviewSample(binding), limits));
      } finally {
        await probe.describeAgain();
      }
      return remarks.join("; ");
    },
  },
  {
    name: "unknown-binding",
    rule: "§7.4",
    requires: "a review for a binding id that was never declared is an error, and never a verdict",
    run: (probe) =>
      eachBinding(probe, async (binding) => {
        for (const bindingId of [
          "not-of-this-service",
          "",
          `${binding.id}-`,
          binding.id.toUpperCase(),
          "__proto__",
          "constructor",
        ]) {
          if (bindingId === binding.id) continue;
          refused(
            await probe.reviewSample(binding, "typical", { changes: { bindingId } }),
            `the binding id ${JSON.stringify(bindingId)}`,
          );
        }
      }),
  },
  {
    name: "binding-at-another-phase",
    rule: "C30",
    requires: "a review for a declared id at a phase it was not declared for is an error, and never a verdict",
    async run(probe) {
      const manifest = await probe.manifest();
      await eachBinding(probe, async (binding) => {
        for (const [name, { wire }] of Object.entries(PHASES)) {
          if (manifest.bindings.some(({ id, phase }) => id === binding.id && phase === wire)) continue;
          refused(await probe.reviewSample(binding, "typical", { changes: { phase: wire } }), `the phase ${name}`);
        }
      });
    },
  },
  {
    name: "unknown-phase",
    rule: "§11",
    requires: "a review at an unspecified phase, or at one of a newer contract, is an error, and never a verdict",
    run: (probe) =>
      eachBinding(probe, async (binding) => {
        for (const phase of [0, 99])
          refused(await probe.reviewSample(binding, "typical", { changes: { phase } }), `phase ${phase}`);
      }),
  },
  {
    name: "unknown-mode",
    rule: "§11",
    requires: "a review of an unspecified mode, or of one of a newer contract, gets a usable verdict or an error",
    run: (probe) =>
      eachBinding(probe, async (binding) => {
        for (const mode of [0, 99]) answered(await probe.reviewSample(binding, "typical", { changes: { mode } }), `mode ${mode}`);
      }),
  },
  {
    name: "config-unknown-digest",
    rule: "§7.4",
    requires: "a review under a config digest the service was never told is FAILED_PRECONDITION",
    run: (probe) =>
      eachConfigured(probe, async (binding) => {
        const asked = await probe.reviewSample(binding, "typical", { changes: { configDigest: "ab".repeat(32) } });
        const code = refused(asked, "an unknown config digest");
        ensure(code === STATUS.FAILED_PRECONDITION, `${binding.place}: an unknown config digest is ${statusName(code)}`);
      }),
  },
  {
    name: "config-known-digest",
    rule: "§7.4",
    requires: "a review under a described config gets a usable verdict",
    run: (probe) =>
      eachConfigured(probe, async (binding) => {
        usable(await probe.reviewSample(binding));
      }),
  },
  {
    name: "config-side-by-side",
    rule: "§7.4",
    requires:
      "after another gateway described the service, a review under the first one's config gets a usable verdict or FAILED_PRECONDITION",
    run: (probe) =>
      eachConfigured(probe, async (binding) => {
        // the same config written otherwise: another digest
        const other = { ...binding, configJson: ` ${binding.configJson}`, configDigest: "cd".repeat(32) };
        const described = await probe.describe([other], { gatewayId: "another-gateway" });
        ensure(described.kind === "reply", `${binding.place}: the same config under another digest is refused`);
        usable(await probe.reviewSample(other));
        const asked = await probe.reviewSample(binding);
        const isForgotten = asked.answer.kind === "status" && asked.answer.code === STATUS.FAILED_PRECONDITION;
        if (!isForgotten) usable(asked);
        await probe.describeAgain();
      }),
  },
];

async function eachBinding(probe: Probe, run: (binding: BindingUnderTest) => Promise<void>): Promise<void> {
  for (const binding of await probe.bindings()) await run(binding);
}

async function eachConfigured(probe: Probe, run: (binding: BindingUnderTest) => Promise<void>): Promise<void> {
  const configured = (await probe.bindings()).filter(({ configJson }) => configJson !== "");
  if (configured.length === 0) skip("no binding was given a config (--config ID=JSON)");
  for (const binding of configured) await run(binding);
}

function beyond(asked: AskedReview, { maxPatches, maxResponseBytes }: VerdictLimits): readonly string[] {
  answered(asked, "low limits");
  if (asked.answer.kind === "status") return [];
  const { byteLength } = asked.answer.bytes;
  if (byteLength > maxResponseBytes) return [`${asked.binding.place}: ${byteLength} bytes, told at most ${maxResponseBytes}`];
  const verdict = usable(asked);
  const count = verdict.kind === "allow" ? verdict.patches.length : 0;
  return count <= maxPatches ? [] : [`${asked.binding.place}: ${count} patch operations, told at most ${maxPatches}`];
}
