import { readFromTexts, type FileTexts } from "../../adapters/files/remembered-files.ts";
import { TokenSlot } from "../../adapters/identity/token-slot.ts";
import type { MintedToken } from "../../adapters/identity/mint-token.ts";
import { withoutZeros } from "../../adapters/telemetry/metrics-snapshot.ts";
import type { FlushableLog } from "../../adapters/telemetry/pino-log.ts";
import { prometheusMetrics, type ExposedMetrics } from "../../adapters/telemetry/prometheus-metrics.ts";
import { METRICS } from "../../model/metrics-table.ts";
import type { Result } from "../../model/result.ts";
import { Secret } from "../../model/secret.ts";
import { pipeline } from "../../pipeline/handle.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Ids } from "../../ports/ids.ts";
import type { JwkSet } from "../../ports/jwk-set.ts";
import type { LogLevel } from "../../ports/log.ts";
import type { WorkerLink } from "../../ports/worker-link.ts";
import { acquirer } from "../acquire.ts";
import { answeringJwks } from "../answer-jwks.ts";
import { CaptureRoom } from "../capture-room.ts";
import { DescribeLoop } from "../describe-loop.ts";
import type { BuildDeps } from "../generations.ts";
import { jwksListeners } from "../listeners.ts";
import { OpenEventStreams } from "../open-event-streams.ts";
import { OpenListeners } from "../open-listeners.ts";
import { LiveClients } from "../live-clients.ts";
import { pipelineParts, type PipelineParts } from "../pipeline-parts.ts";
import { PlanHolder } from "../plan-holder.ts";
import { ResourcePool } from "../resource-pool.ts";
import { trafficGauges } from "../scraped-metrics.ts";
import { readSnapshot, type WorkerPlan } from "./plan-snapshot.ts";
import { buildReceived, isOther, type WorkerGeneration } from "./worker-generation.ts";
import { read, TO_CONTROL, TO_WORKER, type ListeningDoor, type WorkerStart, type WorkerState } from "./worker-messages.ts";
import { shareOf } from "./worker-share.ts";

/** How long the control process may take to sign a token or hear of a wish, milliseconds. */
const ASK_MS = 2_000;

/** What a worker process is made with. */
export interface DataWorkerDeps {
  readonly link: WorkerLink;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly openLog: (level: LogLevel, worker: number, onDropped: () => void) => FlushableLog;
  /** Ends this process. */
  readonly end: () => void;
}

/** Answers the control process from now on; it says when to begin, what to serve by, and when to end (C37). Returns what asks it to be replaced. */
export function serveAsWorker(deps: DataWorkerDeps): { readonly leave: () => void } {
  const { link } = deps;
  let worker: Promise<DataWorker> | undefined;
  const begun = (): Promise<DataWorker> => worker ?? Promise.reject(new Error("it has not begun"));
  link.answer(TO_WORKER.start, async (payload) => {
    const start = read.start(payload);
    if (start === undefined || worker !== undefined) throw new Error("it cannot begin with this");
    worker = DataWorker.start(start, deps);
    return (await worker).doors;
  });
  link.answer(TO_WORKER.swap, async (payload) => (await begun()).swap(payload));
  link.answer(TO_WORKER.revoke, async (payload) => {
    const revoke = read.revoke(payload);
    if (revoke === undefined) throw new Error("this is no revoke");
    return (await begun()).revoke(revoke.interceptor, revoke.tags);
  });
  link.answer(TO_WORKER.look, async (payload) => (await begun()).look(read.jwks(payload)));
  link.answer(TO_WORKER.metrics, async () => (await begun()).metrics());
  link.answer(TO_WORKER.drain, async (payload) => (await begun()).drain(read.number(payload) ?? 0));
  link.answer(TO_WORKER.end, () => Promise.resolve(deps.end()));
  return { leave: () => void link.ask(TO_CONTROL.leave, null, ASK_MS) };
}

interface Parts {
  readonly start: WorkerStart;
  readonly deps: DataWorkerDeps;
  readonly log: FlushableLog;
  readonly exposed: ExposedMetrics;
  readonly build: BuildDeps;
  readonly liveClients: LiveClients;
  readonly given: WorkerPlan;
  readonly built: WorkerGeneration;
  /** What certificates are read from; changed with the plan. */
  readonly files: { current: FileTexts };
}

/** The part of a gateway that serves requests, in a process of its own. */
class DataWorker {
  readonly #parts: Parts;
  readonly #holder: PlanHolder;
  readonly #captured: CaptureRoom;
  readonly #exchanges: PipelineParts;
  readonly #lookAtTraffic: () => void;
  readonly #listeners: OpenListeners;
  /** Names of the listeners where the public keys are answered. */
  readonly #withJwks: Set<string>;
  #given: WorkerPlan;
  #built: WorkerGeneration;
  #loop: DescribeLoop;
  #jwks: JwkSet;
  #tail: Promise<unknown> = Promise.resolve();
  #drained: Promise<void> | undefined;

  static async start(start: WorkerStart, deps: DataWorkerDeps): Promise<DataWorker> {
    const exposed = prometheusMetrics({ processMetrics: true });
    const dropped = exposed.counter(METRICS.logDropped, []);
    const log = deps.openLog(start.level, start.worker, () => dropped.add());
    const given = sharedPlan(orThrow(readSnapshot(start.snapshot)), start.workers);
    const files = { current: given.files };
    const liveClients = new LiveClients();
    const build = buildDeps({ start, deps, log, exposed, liveClients, files, given });
    const built = orThrow(await buildReceived(given, build));
    const worker = new DataWorker({ start, deps, log, exposed, build, liveClients, given, built, files });
    await worker.#open();
    return worker;
  }

  private constructor(parts: Parts) {
    const { start, deps, exposed, log, liveClients, given, built } = parts;
    this.#parts = parts;
    this.#given = given;
    this.#built = built;
    this.#jwks = start.jwks;
    this.#holder = new PlanHolder(built.generation);
    this.#captured = new CaptureRoom(given.config.maxCapturedBytes);
    const share = shareOf(given.config, start.workers);
    this.#exchanges = pipelineParts(
      { plans: this.#holder, clock: deps.clock, ids: deps.ids, log, captured: this.#captured },
      {
        metrics: exposed,
        config: given.config,
        reviews: () => this.#given.config.log.reviews,
        asideLimits: share.asideLimits,
        maxStreams: share.maxStreams,
        maxTunnels: share.maxTunnels,
      },
    );
    liveClients.onRevoked((interceptor, tags) => this.#exchanges.streams.revoked(interceptor, tags));
    this.#lookAtTraffic = trafficGauges(exposed, {
      inFlight: () => this.#holder.inFlight,
      longLived: () => this.#exchanges.streams.size,
      strain: this.#exchanges.strain,
      connections: () => this.#listeners.connections(),
      webSockets: () => this.#exchanges.tunnels.size,
      clients: () => new Map([...this.#built.clients].map(([name, client]) => [name, client.status()])),
    });
    this.#withJwks = new Set(jwksListeners(given.config));
    this.#listeners = new OpenListeners({
      handle: answeringJwks(pipeline(this.#exchanges.deps), this.#withJwks, { jwks: () => this.#jwks }),
      log,
      clock: deps.clock,
      ids: deps.ids,
      readFile: readFromTexts(() => parts.files.current),
      plans: this.#holder,
      drainMs: () => this.#given.config.drainMs,
      onLeaving: (key, drainMs) => this.#exchanges.tunnels.drainListener(key, drainMs / 2),
    });
    this.#loop = this.#describing();
    this.#tellDiffering();
  }

  get doors(): readonly ListeningDoor[] {
    return this.#listeners.all.map(({ name, scheme, address }) => ({ name, scheme, ...address }));
  }

  /** Serves by what came from now on; exchanges under way keep what they began with. One after the other. */
  swap(payload: unknown): Promise<string> {
    const turn = this.#tail.then(() => this.#swap(payload));
    this.#tail = turn.catch(() => {});
    return turn;
  }

  revoke(interceptor: string, tags: readonly string[]): number {
    return this.#parts.liveClients.revoke(interceptor, tags) ?? 0;
  }

  look(jwks: JwkSet | undefined): WorkerState {
    this.#jwks = jwks ?? this.#jwks;
    const clients = [...this.#built.clients].map(([name, client]) => [name, client.status()] as const);
    return { revision: this.#given.plan.revision, clients };
  }

  /** The control process has bound the same plan to the same metrics: what is 0 here stands there. */
  async metrics(): ReturnType<ExposedMetrics["snapshot"]> {
    this.#lookAtTraffic();
    return withoutZeros(await this.#parts.exposed.snapshot());
  }

  /** Takes nothing new, finishes what is under way within `drainMs`, writes the last lines; answers with the last metrics. */
  async drain(drainMs: number): ReturnType<ExposedMetrics["snapshot"]> {
    await (this.#drained ??= this.#drain(drainMs));
    return this.metrics();
  }

  async #open(): Promise<void> {
    orThrow(await this.#listeners.prepare(this.#given.config)).commit(() => {});
  }

  async #swap(payload: unknown): Promise<string> {
    const { build, start, log, files } = this.#parts;
    const given = sharedPlan(orThrow(readSnapshot(payload)), start.workers);
    // certificates are read while the clients are made; where that fails, this worker is at its end
    files.current = given.files;
    const built = await buildReceived(given, build);
    if (!built.ok) throw new Error(built.error);
    const listeners = orThrow(await this.#listeners.prepare(given.config));
    this.#given = given;
    this.#built = built.value;
    listeners.commit(() => this.#holder.swap(built.value.generation));
    const open = this.#loop.stop();
    this.#loop = this.#describing();
    for (const name of open) this.#loop.askAgain(name);
    this.#tellDiffering();
    this.#captured.resize(given.config.maxCapturedBytes);
    this.#exchanges.turnstile.limit(given.config);
    this.#exchanges.strain.limit(given.config.overload);
    await this.#listeners.renewCertificates((listener, message) =>
      log.write("error", "certificate_not_renewed", { listener, message }),
    );
    this.#withJwks.clear();
    for (const name of jwksListeners(given.config)) this.#withJwks.add(name);
    return given.plan.revision;
  }

  async #drain(drainMs: number): Promise<void> {
    const { build, deps, log } = this.#parts;
    const deadline = new Promise<void>((resolve) => deps.clock.after(drainMs, resolve));
    this.#exchanges.tunnels.drain(drainMs / 2);
    build.resources.eventStreams.drain(drainMs / 2);
    await this.#listeners.drain(drainMs);
    await Promise.all([this.#exchanges.observers.drain(deadline), this.#exchanges.shadows.drain(deadline)]);
    this.#loop.stop();
    await this.#tail;
    await this.#holder.close();
    this.#exchanges.strain.stop();
    await log[Symbol.asyncDispose]();
  }

  /** Introduces this worker to who reconnects, and has the control process ask who says something else than before. */
  #describing(): DescribeLoop {
    const { config, manifests } = this.#given;
    return new DescribeLoop(
      { loaded: { config }, clients: this.#built.clients, undescribed: new Map() },
      {
        clock: this.#parts.deps.clock,
        onAnswer: (name, manifest) => {
          if (isOther(manifests.get(name), manifest)) this.#tellControl(name);
        },
        onRefused: (name) => this.#tellControl(name),
      },
    );
  }

  #tellDiffering(): void {
    for (const name of this.#built.differing) this.#tellControl(name);
  }

  #tellControl(interceptor: string): void {
    void this.#parts.deps.link.ask(TO_CONTROL.describeAgain, interceptor, ASK_MS);
  }
}

const sharedPlan = (given: WorkerPlan, workers: number): WorkerPlan => ({
  ...given,
  config: shareOf(given.config, workers).config,
});

function buildDeps(made: Omit<Parts, "build" | "built">): BuildDeps {
  const { start, deps, log, exposed: metrics, liveClients, files, given } = made;
  const { clock, ids, link } = deps;
  const acquire = acquirer({
    pool: new ResourcePool(),
    liveClients,
    clock,
    log,
    metrics,
    gatewayId: given.config.gatewayIdentity.id,
    gatewayVersion: start.version,
    identity: { credential: (audience) => new TokenSlot({ audience, mint: () => minted(link, audience), clock, log }) },
    readFile: readFromTexts(() => files.current),
    workers: start.workers,
  });
  return { acquire, resources: { metrics, clock, ids, eventStreams: new OpenEventStreams(clock) }, log };
}

/** Signing keys stay in the control process; it signs for all. */
async function minted(link: WorkerLink, audience: string): Promise<MintedToken> {
  const token = read.token(orThrow(await link.ask(TO_CONTROL.mint, audience, ASK_MS)));
  if (token === undefined) throw new Error("what arrived is no token");
  return { ...token, jwt: new Secret(token.jwt) };
}

/** The link tells the control process why. */
function orThrow<T>(result: Result<T, string>): T {
  if (!result.ok) throw new Error(result.error);
  return result.value;
}
