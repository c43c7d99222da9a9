import { METRICS } from "../model/metrics-table.ts";
import type { Manifest } from "../model/manifest.ts";
import type { ExecutionPlan } from "../model/plan.ts";
import { ok, type Result } from "../model/result.ts";
import type { ReviewFailure } from "../model/review-failure.ts";
import { diffPlans } from "../plan/diff-plans.ts";
import { manifestDigest } from "../plan/manifest-digest.ts";
import type { ManifestDrift, ReloadOutcome } from "../ports/admin-facts.ts";
import type { Metrics } from "../ports/metrics.ts";
import { DescribeLoop } from "./describe-loop.ts";
import type { Built } from "./built.ts";
import { buildGeneration, issueLines, type BuildDeps } from "./generations.ts";
import type { LoadedFile, LoadFailure } from "./load-file.ts";
import type { ListenerChange } from "./open-listeners.ts";
import { manifestDrift } from "./manifest-drift.ts";
import { PlanHistory } from "./plan-history.ts";
import { PlanHolder } from "./plan-holder.ts";

/** How soon a configuration is tried again that only an unanswered Describe stands in the way of, milliseconds. */
const RETRY_MS = 2_000;

/** Reasons by which a person asks. */
const BY_OPERATOR: ReadonlySet<string> = new Set(["admin", "signal"]);

/** What the reloader is made of. */
export interface ReloaderDeps extends BuildDeps {
  readonly load: () => Promise<Result<LoadedFile, LoadFailure>>;
  readonly metrics: Metrics;
  /** Opens what a new configuration needs opened before it can be in force; the error is a line for people, and the configuration is then refused whole. */
  readonly prepare: (built: Built) => Promise<Result<ListenerChange, string>>;
  /** A new configuration is in force; listeners take from it what they can. Resolves with what they could not, as warnings. */
  readonly onSwapped: (built: Built) => Promise<readonly string[]>;
}

/**
 * Keeps the plan in force: swaps whole generations, one after the other, and keeps the last good one when anything fails (C30, C32).
 * Interceptors that have not answered yet are asked until they do.
 */
export class Reloader {
  readonly holder: PlanHolder;
  /** Interceptors whose manifest changed and waits for an operator's reload (C30). */
  readonly drifted = new Map<string, ManifestDrift>();
  readonly history = new PlanHistory();
  readonly #deps: ReloaderDeps;
  #built: Built;
  #fingerprint: string;
  /** Fingerprint of the broken state reported last. */
  #rejected = "";
  /** Why what is on disk is not in force; undefined when it is. */
  rejection: readonly string[] | undefined;
  #forgetRetry = (): void => {};
  #tail: Promise<unknown> = Promise.resolve();
  #waiting: Promise<ReloadOutcome> | undefined;
  /** Of those who share the reload that waits, one is an operator. */
  #isWished = false;
  #loop: DescribeLoop;
  #closed = false;

  constructor(first: { readonly built: Built; readonly fingerprint: string }, deps: ReloaderDeps) {
    this.#deps = deps;
    this.#built = first.built;
    this.#fingerprint = first.fingerprint;
    this.holder = new PlanHolder(first.built.generation);
    this.#loop = this.#describing();
    this.#noteSuccess();
  }

  /** What is in force. */
  get built(): Built {
    return this.#built;
  }

  /** Reads everything again and swaps it in. One at a time; calls that arrive while one waits share its outcome. Never rejects. */
  reload(reason: string): Promise<ReloadOutcome> {
    this.#isWished ||= BY_OPERATOR.has(reason);
    this.#waiting ??= this.#inTurn(async () => {
      const isWished = this.#isWished;
      this.#waiting = undefined;
      this.#isWished = false;
      try {
        return await this.#reload(reason, isWished);
      } catch (thrown) {
        // a bug of ours; the plan in force is untouched
        this.#deps.log.write("error", "internal_error", { reason, error: thrown });
        return this.#reject(undefined, ["the gateway failed while it loaded the configuration; its log says how"], reason);
      }
    });
    return this.#waiting;
  }

  /** An interceptor has reason to say something else than before: it is asked again. */
  describeAgain(interceptor: string): void {
    if (!this.#closed) this.#loop.askAgain(interceptor);
  }

  /** Stops asking, and retires the plan in force when its last exchange is done. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#forgetRetry();
    this.#loop.stop();
    await this.#tail;
    await this.holder.close();
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#tail.then(work);
    this.#tail = turn.catch(() => {});
    return turn;
  }

  async #reload(reason: string, isWished: boolean): Promise<ReloadOutcome> {
    const { log } = this.#deps;
    const { revision } = this.#built.plan;
    if (this.#closed) return { kind: "rejected", issues: ["the gateway is closing"], revision };
    this.#forgetRetry();
    const read = await this.#deps.load();
    if (!read.ok) return this.#reject(read.error.fingerprint, issueLines(read.error.issues), reason);
    const isSettled =
      read.value.fingerprint === this.#fingerprint && this.#built.undescribed.size === 0 && this.drifted.size === 0;
    // an operator who asks for a reload has the interceptors asked too: one that cannot tell of a change may have changed (C30)
    if (isSettled && !isWished) return this.#unchanged(reason);
    const built = await buildGeneration(read.value.loaded, this.#deps, { before: this.#built });
    if (!built.ok) {
      // a service may come up after the file that names it was saved: nobody should have to save it again
      if (built.error.kind === "unanswered")
        this.#forgetRetry = this.#deps.resources.clock.after(RETRY_MS, () => void this.reload("retry"));
      return this.#reject(read.value.fingerprint, issueLines(built.error.issues), reason);
    }
    if (isSettled && isSameEffect(this.#built, built.value)) {
      await built.value.generation.retire();
      return this.#unchanged(reason);
    }
    const change = await this.#deps.prepare(built.value);
    if (!change.ok) {
      await built.value.generation.retire();
      return this.#reject(read.value.fingerprint, [change.error], reason);
    }
    this.#fingerprint = read.value.fingerprint;
    this.drifted.clear();
    const { changes, warnings: later } = await this.#swap(built.value, reason, change.value);
    const warnings = [...built.value.plan.warnings, ...later, ...reused(built.value)];
    this.#count("swapped");
    log.write("info", "config_reloaded", { reason, revision: built.value.plan.revision, previous: revision, warnings });
    return { kind: "swapped", revision: built.value.plan.revision, warnings, changes };
  }

  #unchanged(reason: string): ReloadOutcome {
    const { revision } = this.#built.plan;
    this.#count("unchanged");
    this.#deps.log.write("info", "config_unchanged", { reason, revision });
    return { kind: "unchanged", revision };
  }

  // a broken state is logged once, however often it is looked at; the caller always hears of it
  #reject(fingerprint: string | undefined, issues: readonly string[], reason: string): ReloadOutcome {
    const { revision } = this.#built.plan;
    this.#count("rejected");
    if (fingerprint === undefined || fingerprint !== this.#rejected)
      this.#deps.log.write("error", "config_rejected", { reason, revision, issues });
    this.#rejected = fingerprint ?? "";
    // where the file itself is in force, what is refused is a manifest, and shown with its interceptor
    if (fingerprint !== this.#fingerprint) this.rejection = issues;
    return { kind: "rejected", issues, revision };
  }

  #count(result: "swapped" | "unchanged" | "rejected"): void {
    this.#deps.metrics.counter(METRICS.configReload, [result]).add();
    if (result === "rejected") return;
    this.#rejected = "";
    this.rejection = undefined;
    this.#noteSuccess();
  }

  #noteSuccess(): void {
    const { metrics, resources } = this.#deps;
    metrics.gauge(METRICS.configLastReloadSuccess, []).set(resources.clock.wallMs() / 1000);
  }

  async #swap(
    built: Built,
    reason: string,
    listeners?: ListenerChange,
  ): Promise<{ readonly changes: readonly string[]; readonly warnings: readonly string[] }> {
    const before = this.#built.plan;
    this.#built = built;
    const swap = (): void => this.holder.swap(built.generation);
    if (listeners === undefined) swap();
    else listeners.commit(swap);
    const open = this.#loop.stop();
    this.#loop = this.#describing();
    for (const name of open) this.#loop.askAgain(name);
    return { changes: this.#tell(before, built.plan, reason), warnings: await this.#deps.onSwapped(built) };
  }

  /** Says what is otherwise from now on, in the log and for those who ask later. */
  #tell(before: ExecutionPlan, after: ExecutionPlan, reason: string): readonly string[] {
    if (before.revision === after.revision) return [];
    const { log, resources } = this.#deps;
    const change = { reason, from: before.revision, to: after.revision, changes: diffPlans(before, after) };
    this.history.note({ at: new Date(resources.clock.wallMs()).toISOString(), ...change });
    log.write("info", "plan_changed", change);
    return change.changes;
  }

  #describing(): DescribeLoop {
    const loop: DescribeLoop = new DescribeLoop(this.#built, {
      clock: this.#deps.resources.clock,
      onAnswer: (name, manifest) =>
        void this.#inTurn(() => this.#take(loop, name, manifest)).catch((thrown: unknown) =>
          this.#deps.log.write("error", "internal_error", { error: thrown }),
        ),
      onRefused: (name, failure) => void this.#inTurn(async () => this.#refuse(loop, name, failure)),
    });
    return loop;
  }

  /** A manifest arrived. A first one is taken at once; a changed one only under `dynamic`, else an operator's reload takes it (C30). */
  async #take(loop: DescribeLoop, name: string, manifest: Manifest): Promise<void> {
    if (this.#closed) return;
    // the plan changed meanwhile: what was said to the one before is not lost, but said again
    if (loop !== this.#loop) return this.#loop.askAgain(name);
    const known = this.#built.manifests.get(name);
    if (known === undefined || (this.#isDynamic(name) && !isSame(known, manifest))) return this.#rebuild(name, manifest);
    this.#note(name, undefined);
    if (isSame(known, manifest)) {
      this.drifted.delete(name);
      return;
    }
    // said once, however often it is said again
    if (this.drifted.get(name)?.digest === manifestDigest(manifest)) return;
    const drift = manifestDrift(this.#built, name, manifest);
    this.drifted.set(name, drift);
    const hint = drift.issues.length === 0 ? "reload to take the new manifest" : "a reload would refuse the new manifest";
    this.#deps.log.write("warn", "manifest_drift", { interceptor: name, ...drift, hint });
  }

  /** What it answered is no manifest that could be taken, now or by a reload: what was granted stays. */
  #refuse(loop: DescribeLoop, name: string, { message }: ReviewFailure): void {
    if (this.#closed || loop !== this.#loop || this.#built.undescribed.get(name) === message) return;
    this.#deps.log.write("error", "manifest_refused", { interceptor: name, issues: [message] });
    this.#note(name, message);
  }

  #isDynamic(name: string): boolean {
    return this.#built.loaded.config.interceptors.some(
      (interceptor) => interceptor.name === name && interceptor.grant === "dynamic",
    );
  }

  async #rebuild(name: string, manifest: Manifest): Promise<void> {
    const { log } = this.#deps;
    const built = await buildGeneration(this.#built.loaded, this.#deps, {
      before: this.#built,
      answers: new Map([[name, ok(manifest)]]),
    });
    if (!built.ok) {
      const issues = issueLines(built.error.issues);
      log.write("error", "manifest_refused", { interceptor: name, version: manifest.version, issues });
      return this.#note(name, `its manifest is refused: ${issues.join("; ")}`);
    }
    log.write("info", "plan_rebuilt", { interceptor: name, version: manifest.version, revision: built.value.plan.revision });
    await this.#swap(built.value, `manifest of ${name}`);
  }

  /** Keeps what is wrong with an interceptor at present, for readiness. */
  #note(name: string, reason: string | undefined): void {
    const undescribed = new Map(this.#built.undescribed);
    if (reason === undefined) undescribed.delete(name);
    else undescribed.set(name, reason);
    this.#built = { ...this.#built, undescribed };
  }
}

const isSame = (one: Manifest, other: Manifest): boolean => manifestDigest(one) === manifestDigest(other);

/** Nothing that a request or an operator could notice is otherwise, and the same authorities are trusted. */
const isSameEffect = (one: Built, other: Built): boolean =>
  one.plan.revision === other.plan.revision &&
  [...other.trusts].every(([name, trust]) => one.trusts.get(name) === trust) &&
  [...other.manifests].every(([name, manifest]) => {
    const known = one.manifests.get(name);
    return known !== undefined && isSame(known, manifest);
  });

/** Who was asked, did not answer as he should, and goes on with what he said before. */
const reused = ({ undescribed, manifests }: Built): readonly string[] =>
  [...undescribed]
    .filter(([name]) => manifests.has(name))
    .map(([name, reason]) => `interceptor ${name} keeps the manifest it had: ${reason}`);
