import { sumOfTotals, type MetricsSnapshot } from "../../adapters/telemetry/metrics-snapshot.ts";
import { METRICS } from "../../model/metrics-table.ts";
import { ok, type Result } from "../../model/result.ts";
import type { RollOutcome } from "../../ports/admin-facts.ts";
import type { Clock } from "../../ports/clock.ts";
import type { JwkSet } from "../../ports/jwk-set.ts";
import type { Log } from "../../ports/log.ts";
import type { Metrics } from "../../ports/metrics.ts";
import type { ProcessEnd, WorkerLink, WorkerProcesses } from "../../ports/worker-link.ts";
import { FleetMember } from "./fleet-member.ts";
import { TO_CONTROL, type ListeningDoor, type WorkerStart, type WorkerState } from "./worker-messages.ts";

/** Pause before a worker is replaced that did not last; the first is replaced at once, each further one after twice the pause. Milliseconds. */
const PAUSE_MS = { first: 100, most: 5_000 } as const;

/** A worker that served for so long has begun anew what its number was known for, milliseconds. */
const LASTED_MS = 30_000;

/** How often each worker is asked how it stands, milliseconds. */
const LOOK_EVERY_MS = 1_000;

/** Metrics of workers that are gone are added up when there are so many. */
const MOST_GONE = 8;

/** What the workers of a gateway are made with. */
export interface FleetDeps {
  readonly count: number;
  readonly processes: WorkerProcesses;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  /** With what a worker begins now. */
  readonly startOf: (worker: number) => WorkerStart;
  /** The gateway's public keys at present. */
  readonly jwks: () => JwkSet;
  /** How long a worker that leaves may take to finish, milliseconds. */
  readonly drainMs: () => number;
  /** Answers what workers ask. */
  readonly answer: (link: WorkerLink) => void;
}

/** The place of one worker: who serves there now, or why nobody does. */
interface Place {
  readonly worker: number;
  member: FleetMember | undefined;
  /** Workers in a row that did not last. */
  failures: number;
  isRolling: boolean;
  stopTimer: () => void;
}

/** The workers of a gateway: starts them, replaces those that die, tells all of them what changes (C37). */
export class WorkerFleet {
  readonly #deps: FleetDeps;
  readonly #places: readonly Place[];
  /** Every process there is, those included that begin or leave. */
  readonly #members = new Set<FleetMember>();
  /** Metrics of workers that are gone. */
  #gone: readonly MetricsSnapshot[] = [];
  #isAdding = false;
  #rolling: Promise<RollOutcome> | undefined;
  #phase: "starting" | "up" | "closing" = "starting";
  #stopLooking = (): void => {};

  constructor(deps: FleetDeps) {
    this.#deps = deps;
    this.#places = Array.from({ length: deps.count }, (_, index) => ({
      worker: index + 1,
      member: undefined,
      failures: 0,
      isRolling: false,
      stopTimer: () => {},
    }));
  }

  /** Starts all of them; resolves when each serves, or with why one does not: then none is left. */
  async start(): Promise<Result<readonly ListeningDoor[], string>> {
    const begun = await Promise.all(
      this.#places.map((place) => {
        place.member = this.#spawn(place);
        return this.#begin(place.member);
      }),
    );
    const failed = begun.find((each) => !each.ok);
    if (failed !== undefined) {
      await this.#killAll();
      return failed;
    }
    this.#phase = "up";
    // those that died meanwhile
    for (const place of this.#places) if (place.member === undefined) this.#replaceLater(place);
    this.#lookLater();
    return begun[0] ?? ok([]);
  }

  /** Has all of them serve by another plan; resolves when each does. One that does not in time is ended, and its successor begins with the plan in force. */
  async swap(snapshot: unknown): Promise<void> {
    await this.#tellAll("worker_not_swapped", (member) => member.swap(snapshot));
  }

  /** How many verdicts all of them forgot; resolves when each has, or is gone with all it kept. */
  async revoke(interceptor: string, tags: readonly string[]): Promise<number> {
    let forgotten = 0;
    await this.#tellAll("worker_not_revoked", async (member) => {
      const answer = await member.revoke(interceptor, tags);
      if (answer.ok) forgotten += answer.value;
      return answer;
    });
    return forgotten;
  }

  /** Replaces all of them, one after the other: the next is turned to when the one before has ended. Calls that come meanwhile share the outcome. */
  roll(): Promise<RollOutcome> {
    this.#rolling ??= this.#rollAll().finally(() => (this.#rolling = undefined));
    return this.#rolling;
  }

  /** Metrics of all workers there are and ever were; of one that is gone, as they were known last. */
  async metrics(): Promise<readonly MetricsSnapshot[]> {
    await Promise.all([...this.#members].map((member) => member.readMetrics()));
    await this.#addUpGone();
    // at one moment: a worker that ends now must be on exactly one side
    const [gone, living] = [this.#gone, [...this.#members].map(({ lastMetrics }) => lastMetrics)];
    return [await sumOfTotals(gone), ...living];
  }

  /** How those that serve stood when they were looked at last. */
  get states(): readonly WorkerState[] {
    return this.#places.flatMap(({ member }) => (member?.isServing === true ? (member.state ?? []) : []));
  }

  /** Numbers of workers by what they do: those that serve by this revision, and all others. */
  standing(revision: string): { readonly serving: readonly number[]; readonly others: readonly number[] } {
    const isServing = ({ member }: Place): boolean => member?.isServing === true && member.revision === revision;
    const numbers = (wanted: boolean): readonly number[] =>
      this.#places.filter((place) => isServing(place) === wanted).map(({ worker }) => worker);
    return { serving: numbers(true), others: numbers(false) };
  }

  /** How many take requests, by whatever plan. */
  get servingCount(): number {
    return this.#places.filter(({ member }) => member?.isServing === true).length;
  }

  /** Has all of them finish what is under way within `drainMs` and end. Resolves when none is left. */
  async drain(drainMs: number): Promise<void> {
    this.#close();
    await Promise.all([...this.#members].map((member) => (member.isServing ? member.drain(drainMs) : this.#end(member))));
  }

  /** One at a time: two would each add up what the other has. */
  async #addUpGone(): Promise<void> {
    if (this.#gone.length <= MOST_GONE || this.#isAdding) return;
    this.#isAdding = true;
    const added = this.#gone;
    const sum = await sumOfTotals(added);
    this.#gone = [sum, ...this.#gone.slice(added.length)];
    this.#isAdding = false;
  }

  #close(): void {
    this.#phase = "closing";
    this.#stopLooking();
    for (const place of this.#places) place.stopTimer();
  }

  async #killAll(): Promise<void> {
    this.#close();
    await Promise.all([...this.#members].map((member) => this.#end(member)));
  }

  async #end(member: FleetMember): Promise<void> {
    member.kill();
    await member.ended;
  }

  async #tellAll(event: string, tell: (member: FleetMember) => Promise<Result<unknown, string>>): Promise<void> {
    await Promise.all(
      [...this.#members].map(async (member) => {
        const told = await tell(member);
        // one that is gone already serves nobody
        if (told.ok || !this.#members.has(member)) return;
        this.#deps.log.write("error", event, { worker: member.worker, worker_pid: member.pid, reason: told.error });
        await this.#end(member);
      }),
    );
  }

  #spawn(place: Place): FleetMember {
    const { processes, clock } = this.#deps;
    const member = new FleetMember(place.worker, processes.start(place.worker), clock);
    this.#members.add(member);
    this.#deps.answer(member.link);
    member.link.answer(TO_CONTROL.leave, () => Promise.resolve(void this.#roll(place, member)));
    void member.ended.then((end) => this.#ended(place, member, end));
    return member;
  }

  async #begin(member: FleetMember): Promise<Result<readonly ListeningDoor[], string>> {
    const { log, startOf } = this.#deps;
    const begun = await member.begin(startOf(member.worker));
    const facts = { worker: member.worker, worker_pid: member.pid };
    if (begun.ok) log.write("info", "worker_started", facts);
    else if (this.#phase !== "closing") log.write("error", "worker_not_started", { ...facts, reason: begun.error });
    if (!begun.ok) await this.#end(member);
    return begun;
  }

  async #rollAll(): Promise<RollOutcome> {
    const replaced: number[] = [];
    const kept: number[] = [];
    for (const place of this.#places) {
      const old = place.member;
      if (old !== undefined) await this.#roll(place, old);
      const isReplaced = place.member !== undefined && place.member !== old;
      (isReplaced ? replaced : kept).push(place.worker);
    }
    return { replaced, kept };
  }

  /** A successor first, then the old one finishes: nobody is refused. */
  async #roll(place: Place, old: FleetMember): Promise<void> {
    if (this.#phase !== "up" || place.isRolling || place.member !== old) return;
    place.isRolling = true;
    this.#deps.log.write("info", "worker_leaving", { worker: old.worker, worker_pid: old.pid });
    const successor = this.#spawn(place);
    const begun = await this.#begin(successor);
    place.isRolling = false;
    if (begun.ok && this.#members.has(successor)) {
      place.member = successor;
      place.failures = 0;
      if (this.#members.has(old)) await old.drain(this.#deps.drainMs());
    } else if (place.member === undefined) this.#replaceLater(place);
  }

  #ended(place: Place, member: FleetMember, { code, signal }: ProcessEnd): void {
    this.#members.delete(member);
    this.#gone = [...this.#gone, member.lastMetrics];
    if (place.member !== member) return;
    place.member = undefined;
    if (this.#phase === "closing") return;
    const { log, metrics } = this.#deps;
    metrics.counter(METRICS.workerExits, []).add();
    log.write("error", "worker_exited", { worker: member.worker, worker_pid: member.pid, code, signal });
    if (member.servedMs >= LASTED_MS) place.failures = 0;
    if (this.#phase === "up" && !place.isRolling) this.#replaceLater(place);
  }

  #replaceLater(place: Place): void {
    const pauseMs = place.failures === 0 ? 0 : Math.min(PAUSE_MS.first * 2 ** (place.failures - 1), PAUSE_MS.most);
    place.failures += 1;
    const replace = (): void => {
      if (this.#phase !== "up") return;
      place.member = this.#spawn(place);
      void this.#begin(place.member);
    };
    if (pauseMs === 0) replace();
    else place.stopTimer = this.#deps.clock.after(pauseMs, replace);
  }

  #lookLater(): void {
    this.#stopLooking = this.#deps.clock.after(LOOK_EVERY_MS, () => void this.#look());
  }

  /** One that says nothing for long hangs. */
  async #look(): Promise<void> {
    const { jwks } = this.#deps;
    const serving = [...this.#members].filter(({ isServing }) => isServing);
    await Promise.all(
      serving.map(async (member) => {
        const looked = await member.look(jwks());
        if (looked.ok || !this.#members.has(member) || this.#phase !== "up") return;
        this.#deps.log.write("error", "worker_hung", { worker: member.worker, worker_pid: member.pid, reason: looked.error });
        await this.#end(member);
      }),
    );
    if (this.#phase === "up") this.#lookLater();
  }
}
