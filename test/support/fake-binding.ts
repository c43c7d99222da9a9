import type { Json } from "@sallyport/contract/json.ts";
import type { PatchOperation } from "@sallyport/contract/json-patch.ts";
import type { AllowVerdict, DenyVerdict, RespondVerdict, Verdict } from "@sallyport/contract/verdict.ts";
import { compilePointers } from "@sallyport/contract/view-field.ts";
import type { BindingPlan } from "../../src/model/plan.ts";
import { err, ok, type Result } from "../../src/model/result.ts";
import type { ReviewFailure } from "../../src/model/review-failure.ts";
import type { Clock } from "../../src/ports/clock.ts";
import type { ReviewCall, Reviewer, ReviewSubject } from "../../src/ports/review-client.ts";
import type { Predicate, ReviewInstruments, RunnableBinding } from "../../src/ports/runnable-plan.ts";
import { bindingPlan } from "./binding-plan.ts";

/** What an interceptor of these tests answers. */
export type Answer = Result<Verdict, ReviewFailure>;

/** An allow, with patches and notes where given. */
export const allow = (patches: readonly PatchOperation[] = [], notes: Partial<AllowVerdict> = {}): Answer =>
  ok({ kind: "allow", patches, annotations: [], warnings: [], ...notes });

/** Sets one header of the request. */
export const setHeader = (name: string, value: string): PatchOperation => ({
  op: "add",
  path: `/request/headers/${name}`,
  value,
});

/** Any operation with a value. */
export const patch = (op: "add" | "replace" | "test", path: string, value: Json): PatchOperation => ({ op, path, value });

/** A denial. */
export const deny = (parts: Partial<DenyVerdict> = {}): Answer =>
  ok({
    kind: "deny",
    status: 403,
    code: "not_today",
    message: "Not today.",
    headers: [],
    annotations: [],
    warnings: [],
    defects: [],
    ...parts,
  });

/** An interceptor's own answer. */
export const respond = (parts: Partial<RespondVerdict> = {}): Answer =>
  ok({
    kind: "respond",
    status: 200,
    headers: [{ name: "content-type", value: "text/plain" }],
    body: new TextEncoder().encode("from the interceptor"),
    annotations: [],
    warnings: [],
    ...parts,
  });

/** No usable verdict. */
export const fail = (kind: ReviewFailure["kind"], reason?: ReviewFailure["reason"]): Answer =>
  err({ kind, message: `it was ${kind}, says secret-internal-text`, ...(reason === undefined ? {} : { reason }) });

/** Never answers: times out when its grant is spent, unless it is cancelled before. */
export const blackHole =
  (clock: Clock): Reviewer =>
  (_subject, { grantMs, cancel }) =>
    new Promise((resolve) => {
      const stop = clock.after(grantMs, () => resolve(err({ kind: "timeout", message: `no answer in ${grantMs} ms` })));
      cancel.onAbort(() => {
        stop();
        resolve(err({ kind: "unavailable", message: "cancelled" }));
      });
    });

/** A reviewer whose answers are given by hand, in the order it was asked. */
export class HeldReviewer {
  readonly calls: { readonly subject: ReviewSubject; readonly call: ReviewCall; readonly answer: (answer: Answer) => void }[] =
    [];

  readonly review: Reviewer = (subject, call) => new Promise((answer) => void this.calls.push({ subject, call, answer }));
}

/** Counters and durations of one binding, as they stand. */
export class Tally implements ReviewInstruments {
  readonly outcomes: Record<string, number> = {};
  readonly durations: number[] = [];
  readonly counts = { failOpen: 0, skippedUnreviewable: 0, verdictDefects: 0, whenErrors: 0 };
  readonly duration = { observe: (value: number): void => void this.durations.push(value) };
  readonly failOpen = this.#counter("failOpen");
  readonly skippedUnreviewable = this.#counter("skippedUnreviewable");
  readonly verdictDefects = this.#counter("verdictDefects");
  readonly whenErrors = this.#counter("whenErrors");

  readonly outcome = (outcome: string): { add(): void } => ({
    add: () => {
      this.outcomes[outcome] = (this.outcomes[outcome] ?? 0) + 1;
    },
  });

  #counter(name: keyof Tally["counts"]): { add(amount?: number): void } {
    return {
      add: (amount = 1) => {
        this.counts[name] += amount;
      },
    };
  }
}

/** A binding under test, with everything it was asked. */
export interface FakeBinding extends RunnableBinding {
  /** Given when it is put into a plan. */
  rank: number;
  readonly asked: { readonly subject: ReviewSubject; readonly call: ReviewCall }[];
  readonly tally: Tally;
}

/** How a binding of these tests differs from one that allows everything. */
export interface BindingChoice extends Partial<Omit<BindingPlan, "limits">> {
  readonly limits?: Partial<BindingPlan["limits"]>;
  readonly review?: Reviewer | Answer;
  readonly when?: Predicate;
  readonly whenNeedsBody?: { readonly request: boolean; readonly response: boolean };
}

/** A granted binding whose interceptor is a function. */
export function binding(id: string, choice: BindingChoice = {}): FakeBinding {
  const { review = allow(), when, whenNeedsBody = { request: false, response: false }, limits, ...parts } = choice;
  const base = bindingPlan({ interceptor: "svc", id, ...parts });
  const plan = { ...base, limits: { ...base.limits, ...limits } };
  const asked: FakeBinding["asked"] = [];
  const tally = new Tally();
  return {
    plan,
    rank: 0,
    name: `${plan.interceptor}/${plan.id}`,
    needs: pointers(plan.needs),
    writes: pointers(plan.writes),
    expose: pointers(plan.expose),
    when,
    whenNeedsBody,
    instruments: tally,
    tally,
    asked,
    review(subject, call) {
      asked.push({ subject, call });
      return typeof review === "function" ? review(subject, call) : Promise.resolve(review);
    },
  };
}

function pointers(list: readonly string[]): RunnableBinding["needs"] {
  const compiled = compilePointers(list);
  if (!compiled.ok) throw new Error(compiled.error);
  return compiled.value;
}
