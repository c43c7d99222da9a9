import { placeOf, usable } from "../asked.ts";
import type { ConformanceCase } from "../conformance-case.ts";
import { ensure, fail, quoted } from "../finding.ts";
import type { AskedReview, Probe } from "../probe.ts";
import { STATUS, statusName } from "../status-name.ts";

/** Deadlines and cancellation. */
export const TIME_CASES: readonly ConformanceCase[] = [
  {
    name: "deadline-short",
    rule: "C21",
    requires: "a review with almost no time left is answered or cut off by its deadline, and reviews after it work",
    async run(probe) {
      for (const withinMs of [1, 2, 5, 20]) {
        for (const binding of await probe.bindings())
          endsWithDeadline(await probe.reviewSample(binding, "typical", { withinMs }));
      }
      await everyBindingWorks(probe);
    },
  },
  {
    name: "deadline-burst",
    rule: "C21",
    requires: "200 reviews whose deadline passes at once leave the service answering",
    async run(probe) {
      const [binding] = await probe.bindings();
      if (binding === undefined) return;
      const all = await Promise.all(Array.from({ length: 200 }, () => probe.reviewSample(binding, "typical", { withinMs: 3 })));
      for (const asked of all) endsWithDeadline(asked);
      await everyBindingWorks(probe);
    },
  },
  {
    name: "deadline-within-grant",
    rule: "C21",
    requires: "the fastest of five typical reviews is answered within the usual grant of time, 500 ms",
    async run(probe) {
      let slowestMs = 0;
      for (const binding of await probe.bindings()) {
        let fastestMs = Number.POSITIVE_INFINITY;
        for (const _ of [1, 2, 3, 4, 5]) {
          const asked = await probe.reviewSample(binding);
          usable(asked);
          fastestMs = Math.min(fastestMs, asked.answer.tookMs);
        }
        ensure(fastestMs < 500, `${binding.place}: the fastest took ${Math.round(fastestMs)} ms`);
        slowestMs = Math.max(slowestMs, fastestMs);
      }
      return `${slowestMs.toFixed(1)} ms`;
    },
  },
  {
    name: "cancel-in-flight",
    rule: "C4",
    requires: "reviews that are cancelled while they run end, and the next ones on the connection work",
    async run(probe) {
      for (const binding of await probe.bindings()) {
        const all = await Promise.all(Array.from({ length: 20 }, (_, index) => cancelled(probe, binding, index % 4)));
        for (const asked of all) endsCancelled(asked);
      }
      await everyBindingWorks(probe);
    },
  },
  {
    name: "cancel-large-view",
    rule: "C4",
    requires: "a review that is cancelled while its view is still being sent harms nothing",
    async run(probe) {
      const [binding] = await probe.bindings();
      if (binding === undefined) return;
      for (const _ of [1, 2, 3, 4, 5]) {
        const over = new AbortController();
        const asked = probe.reviewSample(binding, "large", { signal: over.signal });
        setImmediate(() => over.abort());
        endsCancelled(await asked);
      }
      await everyBindingWorks(probe);
    },
  },
];

async function cancelled(probe: Probe, binding: AskedReview["binding"], afterMs: number): Promise<AskedReview> {
  const over = new AbortController();
  const asked = probe.reviewSample(binding, "typical", { signal: over.signal });
  setTimeout(() => over.abort(), afterMs);
  return asked;
}

function endsWithDeadline(asked: AskedReview): void {
  const { answer } = asked;
  if (answer.kind === "reply") return void usable(asked);
  const isFine =
    answer.code === STATUS.DEADLINE_EXCEEDED || answer.code === STATUS.CANCELLED || answer.code === STATUS.RESOURCE_EXHAUSTED;
  if (!isFine) fail(`${placeOf(asked)}: a short deadline ends with ${statusName(answer.code)}: ${quoted(answer.details)}`);
}

function endsCancelled(asked: AskedReview): void {
  const { answer } = asked;
  if (answer.kind === "reply") return void usable(asked);
  if (answer.code !== STATUS.CANCELLED)
    fail(`${placeOf(asked)}: a cancelled review ends with ${statusName(answer.code)}: ${quoted(answer.details)}`);
}

async function everyBindingWorks(probe: Probe): Promise<void> {
  for (const binding of await probe.bindings()) usable(await probe.reviewSample(binding));
}
