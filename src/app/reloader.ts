import type { ReloadOutcome } from "../ports/admin-facts.ts";
import { METRICS } from "../model/metrics-table.ts";
import { canonicalJson } from "../support/canonical-json.ts";
import type { Result } from "../model/result.ts";
import type { Metrics } from "../ports/metrics.ts";
import { describeOne } from "./describe-all.ts";
import { buildGeneration, issueLines, type BuildDeps, type Built } from "./generations.ts";
import type { LoadedFile, LoadFailure } from "./load-file.ts";
import { PlanHolder } from "./plan-holder.ts";

/** First and longest pause between attempts to describe an interceptor that has not answered yet, milliseconds. */
const DESCRIBE_PAUSE_MS = { first: 100, most: 500 } as const;

/** What the reloader is made of. */
export interface ReloaderDeps extends BuildDeps {
  readonly load: () => Promise<Result<LoadedFile, LoadFailure>>;
  readonly metrics: Metrics;
  /** A new configuration is in force; listeners take from it what they can. */
  readonly onSwapped: (built: Built) => void;
}

/**
 * Keeps the plan in force: swaps whole generations, one after the other, and keeps the last good one when anything fails (C30, C32).
 * Interceptors that have not answered yet are asked until they do.
 */
export class Reloader {
  readonly holder: PlanHolder;
  readonly #deps: ReloaderDeps;
  #built: Built;
  #fingerprint: string;
  #rejected = "";
  #tail: Promise<unknown> = Promise.resolve();
  #waiting: Promise<ReloadOutcome> | undefined;
  #forget: (() => void)[] = [];
  #pauseMs: number = DESCRIBE_PAUSE_MS.first;
  #closed = false;
  /** Interceptors whose manifest changed and waits for an operator's reload (C30). */
  readonly drifted = new Set<string>();

  constructor(first: { readonly built: Built; readonly fingerprint: string }, deps: ReloaderDeps) {
    this.#deps = deps;
    this.#built = first.built;
    this.#fingerprint = first.fingerprint;
    this.holder = new PlanHolder(first.built.generation);
    this.#follow();
  }

  /** What is in force. */
  get built(): Built {
    return this.#built;
  }

  /** Reads everything again and swaps it in. One at a time; calls that arrive while one waits share its outcome. Never rejects. */
  reload(reason: string): Promise<ReloadOutcome> {
    if (this.#waiting !== undefined) return this.#waiting;
    const turn = this.#inTurn(() => {
      this.#waiting = undefined;
      return this.#reload(reason);
    });
    this.#waiting = turn;
    return turn;
  }

  /** Stops asking, and retires the plan in force when its last exchange is done. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#unfollow();
    await this.#tail;
    await this.holder.close();
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#tail.then(work);
    this.#tail = turn.catch(() => {});
    return turn;
  }

  async #reload(reason: string): Promise<ReloadOutcome> {
    const { log } = this.#deps;
    const revision = this.#built.plan.revision;
    if (this.#closed) return { kind: "rejected", issues: ["the gateway is closing"], revision };
    const read = await this.#deps.load();
    if (!read.ok) return this.#reject(read.error.fingerprint, issueLines(read.error.issues), reason);
    if (read.value.fingerprint === this.#fingerprint && this.#built.undescribed.size === 0 && this.drifted.size === 0) {
      this.#count("unchanged");
      log.write("info", "config_unchanged", { reason, revision });
      return { kind: "unchanged", revision };
    }
    const built = await buildGeneration(read.value.loaded, this.#deps, { before: this.#built });
    if (!built.ok) return this.#reject(read.value.fingerprint, issueLines(built.error), reason);
    this.#fingerprint = read.value.fingerprint;
    this.drifted.clear();
    this.#swap(built.value);
    this.#count("swapped");
    const { plan } = built.value;
    log.write("info", "config_reloaded", { reason, revision: plan.revision, previous: revision, warnings: plan.warnings });
    return { kind: "swapped", revision: plan.revision, warnings: plan.warnings };
  }

  // a broken state is logged once, however often it is looked at; the caller always hears of it
  #reject(fingerprint: string, issues: readonly string[], reason: string): ReloadOutcome {
    const { revision } = this.#built.plan;
    this.#count("rejected");
    if (fingerprint !== this.#rejected) this.#deps.log.write("error", "config_rejected", { reason, revision, issues });
    this.#rejected = fingerprint;
    return { kind: "rejected", issues, revision };
  }

  #count(result: "swapped" | "unchanged" | "rejected"): void {
    const { metrics, resources } = this.#deps;
    metrics.counter(METRICS.configReload, [result]).add();
    if (result !== "rejected") {
      this.#rejected = "";
      metrics.gauge(METRICS.configLastReloadSuccess, []).set(resources.clock.wallMs() / 1000);
    }
  }

  #swap(built: Built): void {
    this.#built = built;
    this.holder.swap(built.generation);
    this.#deps.onSwapped(built);
    this.#follow();
  }

  /** Listens for interceptors that want to be described again, and asks those that have not answered. */
  #follow(): void {
    this.#unfollow();
    for (const [name, client] of this.#built.clients) {
      this.#forget.push(client.onDescribeAgain(() => void this.#inTurn(() => this.#describeAgain(name))));
    }
    const missing = this.#missing();
    if (missing.size === 0) {
      this.#pauseMs = DESCRIBE_PAUSE_MS.first;
      return;
    }
    this.#forget.push(this.#deps.resources.clock.after(this.#pauseMs, () => void this.#inTurn(() => this.#askMissing(missing))));
    this.#pauseMs = Math.min(this.#pauseMs * 2, DESCRIBE_PAUSE_MS.most);
  }

  #unfollow(): void {
    for (const forget of this.#forget) forget();
    this.#forget = [];
  }

  #missing(): ReadonlySet<string> {
    return new Set([...this.#built.undescribed.keys()].filter((name) => !this.#built.manifests.has(name)));
  }

  async #askMissing(missing: ReadonlySet<string>): Promise<void> {
    if (this.#closed) return;
    const { config } = this.#built.loaded;
    const asked = config.interceptors.filter(({ name }) => missing.has(name));
    const answers = await Promise.all(asked.map((interceptor) => this.#describe(interceptor.name)));
    if (answers.some((answer) => answer !== undefined)) await this.#rebuild(missing, "described");
    else this.#follow();
  }

  async #describe(name: string): Promise<Awaited<ReturnType<typeof describeOne>> | undefined> {
    const interceptor = this.#built.loaded.config.interceptors.find((entry) => entry.name === name);
    const client = this.#built.clients.get(name);
    if (interceptor === undefined || client === undefined) return undefined;
    const answer = await describeOne(interceptor, client);
    return answer.ok ? answer : undefined;
  }

  /** A reconnected service is told its configs again; a manifest that changed takes effect at once only under `dynamic` (C30). */
  async #describeAgain(name: string): Promise<void> {
    if (this.#closed) return;
    const answer = await this.#describe(name);
    const known = this.#built.manifests.get(name);
    if (answer?.ok !== true || known === undefined || canonicalJson(answer.value) === canonicalJson(known)) return;
    const interceptor = this.#built.loaded.config.interceptors.find((entry) => entry.name === name);
    if (interceptor?.grant === "dynamic") return this.#rebuild(new Set([name]), "manifest changed");
    this.drifted.add(name);
    this.#deps.log.write("warn", "manifest_drift", { interceptor: name, version: answer.value.version, hint: "reload to take the new manifest" });
  }

  async #rebuild(ask: ReadonlySet<string>, reason: string): Promise<void> {
    const built = await buildGeneration(this.#built.loaded, this.#deps, { before: this.#built, ask });
    if (!built.ok) {
      this.#reject(`${this.#fingerprint} ${reason}`, issueLines(built.error), reason);
      this.#follow();
      return;
    }
    this.#deps.log.write("info", "plan_rebuilt", { reason, interceptors: [...ask], revision: built.value.plan.revision });
    this.#swap(built.value);
  }
}
