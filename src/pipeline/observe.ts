import type { Phase } from "@sallyport/contract/phase.ts";
import { isStream } from "../model/byte-stream.ts";
import type { Exchange } from "../model/exchange.ts";
import type { ExchangeEnding } from "../model/exchange-record.ts";
import { decidedBy } from "../model/log-fields.ts";
import type { OutcomeView } from "../ports/review-client.ts";
import type { RunnableBinding } from "../ports/runnable-plan.ts";
import { reviewIdOf } from "./ask-for-verdict.ts";
import { BodySource } from "./body-source.ts";
import type { ExchangeRun } from "./exchange-run.ts";
import { KeptCopy } from "./kept-copy.ts";
import { warnCondition } from "./prepare-review.ts";
import { selects } from "./select-binding.ts";
import { streamReason } from "./show-bodies.ts";
import { viewSubject, withoutValues } from "./view-subject.ts";
import { codedBytes, copyBytes, type Side } from "./wanted-bodies.ts";

/** How long an exchange may be open before its observers hear of it a first time (C29). Milliseconds. */
export const OPEN_NOTICE_MS = 30_000;

/** Plans the notice that the exchange is still open, where somebody observes it. */
export function watchOpen(run: ExchangeRun): void {
  if (run.forgetNotice !== undefined || !hasObservers(run)) return;
  const { clock } = run.deps;
  const delayMs = Math.max(0, run.startedMs + OPEN_NOTICE_MS - clock.nowMs());
  run.forgetNotice = clock.after(delayMs, () => void observeOpen(run));
}

/** Whether anybody is to be told what became of the exchange. */
export const hasObservers = (run: ExchangeRun): boolean => run.matched.some(({ plan }) => plan.mode === "observe");

/** Keeps a copy of a body that observers or shadows want and nobody has captured; it goes its way unhindered (C29, C33). */
export function copyOnItsWay(run: ExchangeRun, side: Side): void {
  const { exchange, copies, matched, shadows } = run;
  const maxBytes = copyBytes(shadows === undefined ? matched : [...matched, ...shadows.matched], side);
  if (maxBytes === undefined || copies[side] !== undefined) return;
  const message = side === "request" ? { body: exchange.body, headers: exchange.head.headers } : exchange.response;
  if (message === undefined || !isStream(message.body) || (side === "response" && streamReason(run) !== undefined)) return;
  const copy = new KeptCopy(message.body, codedBytes(maxBytes, message.headers), run.room.forCopies);
  copies[side] = copy;
  if (side === "request") run.exchange = { ...exchange, body: copy };
  else if (exchange.response !== undefined) run.exchange = { ...exchange, response: { ...exchange.response, body: copy } };
}

/** Tells the observers of every phase that began what became of the exchange (C29). Never rejects; waits for nobody. */
export function observe(
  run: ExchangeRun,
  ending: ExchangeEnding,
  end: { readonly durationMs: number; readonly bytes: number },
): Promise<void> {
  const outcome: OutcomeView = {
    status: ending.status,
    decidedBy: decidedBy(ending),
    failure: "code" in ending ? ending.code : "",
    durationMs: Math.round(end.durationMs),
    bytes: end.bytes,
    open: false,
  };
  return tellAll(run, outcome);
}

/** The first notice of an exchange that is still open. */
async function observeOpen(run: ExchangeRun): Promise<void> {
  const durationMs = Math.round(run.deps.clock.nowMs() - run.startedMs);
  await tellAll(run, { status: run.status, decidedBy: "", failure: "", durationMs, bytes: 0, open: true });
}

async function tellAll(run: ExchangeRun, outcome: OutcomeView): Promise<void> {
  // views of its own, in room for copies: what enforcing bindings are shown is made and forgotten without it
  const bodies = new BodySource(run.room.forCopies);
  try {
    for (const binding of run.matched) if (binding.plan.mode === "observe") await tell(run, binding, { outcome, bodies });
  } catch (thrown) {
    // a bug of ours; the exchange is over, so only the log can tell
    run.deps.log.write("error", "observe_failed", { request_id: run.exchange.ids.requestId, error: thrown });
  } finally {
    bodies.forgetViews();
  }
}

interface News {
  readonly outcome: OutcomeView;
  readonly bodies: BodySource;
}

async function tell(run: ExchangeRun, binding: RunnableBinding, { outcome, bodies }: News): Promise<void> {
  const settled = settledFor(run, binding.plan.phase);
  if (settled === undefined || !selects(settled, binding)) return;
  const subject = await viewSubject(run, binding, { exchange: settled, route: run.route, bodies, outcome });
  // it ended while its first notice was made ready: the last word is said already
  if (outcome.open && run.isOver) return;
  const match = binding.when?.(subject);
  if (match === "no-match") return;
  if (match === "error") warnCondition(run, binding);
  const isRepeated = run.noticed?.has(binding) === true;
  if (outcome.open) run.noticed = new Set([...(run.noticed ?? []), binding]);
  run.deps.observers.enqueue({
    binding,
    // two notices are two reviews: a service that drops repeats must not drop the second
    reviewId: outcome.open ? `${reviewIdOf(run, binding)}:open` : reviewIdOf(run, binding),
    subject: isRepeated ? { ...subject, requestBody: undefined, responseBody: undefined } : withoutValues(subject),
    release: run.hold.take(),
  });
}

/** The phase's settled exchange; request fields only where the exchange ended in it, undefined where it never began. */
function settledFor(run: ExchangeRun, phase: Phase): Exchange | undefined {
  const settled = run.settledAt(phase);
  return settled !== undefined && run.endedIn === phase ? { ...settled, response: undefined } : settled;
}
