import type { AdminServer } from "../../adapters/admin/fastify-server.ts";
import type { RememberedFiles } from "../../adapters/files/remembered-files.ts";
import { freePort } from "../../adapters/workers/free-port.ts";
import { textOfAll } from "../../adapters/telemetry/metrics-snapshot.ts";
import { adminRoutes } from "../../admin/admin-routes.ts";
import type { GatewayConfig } from "../../config/gateway-config.ts";
import { METRICS } from "../../model/metrics-table.ts";
import { err, ok, type Result } from "../../model/result.ts";
import type { MetricsText, Readiness, ReadinessCheck, ReloadOutcome, VerdictRevoker } from "../../ports/admin-facts.ts";
import type { WorkerLink, WorkerProcesses } from "../../ports/worker-link.ts";
import type { Built, ShownBuilt } from "../built.ts";
import { issueLines } from "../generations.ts";
import { interceptorStates } from "../interceptor-states.ts";
import { loadFile } from "../load-file.ts";
import { openAdmin } from "../open-admin.ts";
import { readyChecks } from "../ready-checks.ts";
import { ReadyLatch } from "../readiness.ts";
import { Reloader } from "../reloader.ts";
import { restartWarnings } from "../restart-warnings.ts";
import type { ListeningAt, RunningParts, StartingGateway } from "../running-gateway.ts";
import { readinessGauges } from "../scraped-metrics.ts";
import { keySourceOf, withSigningKeys } from "../signing-keys.ts";
import { makeRoom } from "../listeners.ts";
import { filesForWorkers } from "./listener-files.ts";
import { mergedStatus } from "./merged-status.ts";
import { toSnapshot, type WorkerPlan } from "./plan-snapshot.ts";
import { WorkerFleet } from "./worker-fleet.ts";
import { read, TO_CONTROL, type WorkerStart } from "./worker-messages.ts";

/** What a gateway with several workers runs with. */
export interface ControlParts extends RunningParts {
  /** What certificates held when they were read last. */
  readonly files: RememberedFiles;
  /** At least two. */
  readonly workers: number;
  readonly processes: WorkerProcesses;
}

/**
 * A gateway whose requests are served by workers (C37). This process reads and compiles the configuration, describes interceptors, owns
 * the signing keys and the admin listener, and serves no request itself.
 */
export class ControlGateway implements StartingGateway {
  readonly reloader: Reloader;
  readonly #parts: ControlParts;
  readonly #latch: ReadyLatch;
  readonly #fleet: WorkerFleet;
  /** What sockets were opened with; a reload does not change them. */
  readonly #openedWith: GatewayConfig;
  /** Its listeners, with the ports that were chosen. */
  #doors: GatewayConfig["listeners"] = [];
  /** With what a worker begins that is started now. */
  #given: WorkerPlan;
  #isUp = false;
  #listeners: readonly ListeningAt[] = [];
  #admins: readonly AdminServer[] = [];
  #closing: AsyncDisposableStack | undefined;

  constructor(parts: ControlParts) {
    const { deps, metrics, options, source, first } = parts;
    this.#parts = parts;
    this.#openedWith = first.built.loaded.config;
    this.#given = this.#workerPlan(first.built, new Map());
    this.reloader = new Reloader(first, {
      ...deps,
      metrics,
      load: async () => withSigningKeys(await loadFile(options.configFile, source, options.env)),
      onSwapped: (built) => this.#takeUp(built),
    });
    this.#latch = new ReadyLatch(() => [...readyChecks(this.#shown, this.reloader.rejection), this.#workersCheck]);
    this.#fleet = new WorkerFleet({
      count: parts.workers,
      processes: parts.processes,
      clock: options.clock,
      log: parts.log,
      metrics,
      startOf: (worker) => this.#startOf(worker),
      jwks: () => parts.identity.jwks(),
      drainMs: () => this.#config.drainMs,
      answer: (link) => this.#answer(link),
    });
  }

  /** Opens the admin listener first, so that health can be asked while the rest comes up; then the workers, and their doors. */
  async open(): Promise<Result<void, string>> {
    const { log, options } = this.#parts;
    const room = await makeRoom(this.#openedWith, options.clock);
    if (!room.ok) return room;
    const doors = await withPorts(this.#openedWith.listeners);
    if (!doors.ok) return doors;
    this.#doors = doors.value;
    const unusable: string[] = [];
    await this.#give(this.reloader.built, (listener, message) =>
      unusable.push(`listener ${listener} has no usable certificate: ${message}`),
    );
    const [firstUnusable] = unusable;
    if (firstUnusable !== undefined) return err(firstUnusable);
    const admins = await openAdmin(this.#openedWith, { routes: this.#adminRoutes(), log });
    if (!admins.ok) return admins;
    this.#admins = admins.value;
    const listening = await this.#fleet.start();
    if (listening.ok) {
      this.#listeners = listening.value;
      this.#isUp = true;
      return ok(undefined);
    }
    for (const admin of this.#admins) await admin[Symbol.asyncDispose]();
    return listening;
  }

  withClosing(closing: AsyncDisposableStack): this {
    this.#closing = closing;
    return this;
  }

  get listeners(): readonly ListeningAt[] {
    return this.#listeners;
  }

  get admin(): { readonly host: string; readonly port: number } {
    return this.#admins[0]?.address ?? { host: "", port: 0 };
  }

  get warnings(): readonly string[] {
    return this.reloader.built.plan.warnings;
  }

  get counts(): { readonly routes: number; readonly bindings: number } {
    const { routes, bindings } = this.reloader.built.plan;
    return { routes: routes.length, bindings: bindings.length };
  }

  get ready(): boolean {
    return this.#readiness.ready;
  }

  reload(reason: "admin" | "signal" | "file"): Promise<ReloadOutcome> {
    return this.reloader.reload(reason);
  }

  /** Drains: not ready, workers take nothing new and finish within `drain`, then everything is given back. */
  async [Symbol.asyncDispose](): Promise<void> {
    const closing = this.#closing;
    // the stack disposes this object too; the second time there is nothing left to do
    if (closing === undefined) return;
    this.#closing = undefined;
    const { log } = this.#parts;
    const { drainMs } = this.#config;
    log.write("info", "draining", { drain_ms: drainMs });
    this.#latch.drain();
    await this.#fleet.drain(drainMs);
    for (const admin of this.#admins) await admin[Symbol.asyncDispose]();
    await this.reloader.close();
    log.write("info", "stopped", {});
    await closing.disposeAsync();
  }

  get #config(): GatewayConfig {
    return this.reloader.built.loaded.config;
  }

  /** A latch like that of one process; but where no worker serves nobody is let in. */
  readonly #readiness: Readiness = readinessOf(
    () => this.#latch.ready && this.#fleet.servingCount > 0,
    () => this.#latch.checks(),
  );

  get #workersCheck(): ReadinessCheck {
    const { serving, others } = this.#fleet.standing(this.reloader.built.plan.revision);
    const reason = others.length === 0 ? "" : `${serving.length} of ${this.#parts.workers} serve by the plan in force`;
    return { name: "workers", ok: reason === "", critical: !this.#isUp || serving.length === 0, reason };
  }

  /** The generation in force, with interceptors as all processes see them. */
  get #shown(): ShownBuilt {
    const { built } = this.reloader;
    const { states } = this.#fleet;
    const clients = [...built.clients].map(([name, client]) => {
      const seen = states.flatMap((state) => state.clients.filter(([other]) => other === name).map(([, status]) => status));
      return [name, { status: () => mergedStatus(client.status(), seen) }] as const;
    });
    return { ...built, clients: new Map(clients) };
  }

  #startOf(worker: number): WorkerStart {
    const { workers, options, identity } = this.#parts;
    return {
      worker,
      workers,
      version: options.version,
      level: this.#openedWith.log.level,
      jwks: identity.jwks(),
      snapshot: toSnapshot(this.#given),
    };
  }

  #answer(link: WorkerLink): void {
    link.answer(TO_CONTROL.mint, async (payload) => {
      const audience = read.text(payload);
      if (audience === undefined) throw new Error("this is no audience");
      const { jwt, issuedAtMs, expiresAtMs } = await this.#parts.identity.mint(audience);
      return { jwt: jwt.reveal(), issuedAtMs, expiresAtMs };
    });
    link.answer(TO_CONTROL.describeAgain, async (payload) => this.reloader.describeAgain(read.text(payload) ?? ""));
  }

  #adminRoutes(): ReturnType<typeof adminRoutes> {
    const { options, identity } = this.#parts;
    return adminRoutes({
      readiness: this.#readiness,
      metrics: this.#metricsText(),
      plan: { plan: () => this.reloader.built.plan, history: () => this.reloader.history.changes },
      reloader: this.reloader,
      interceptors: {
        interceptors: () => interceptorStates({ built: this.#shown, drifted: this.reloader.drifted }).interceptors(),
      },
      publicKeys: identity,
      verdicts: this.#verdicts,
      version: options.version,
    });
  }

  #metricsText(): MetricsText {
    const { metrics } = this.#parts;
    const lookAtReadiness = readinessGauges(metrics, this.#readiness);
    return {
      contentType: metrics.contentType,
      expose: async () => {
        lookAtReadiness();
        metrics.gauge(METRICS.workersServing, []).set(this.#fleet.servingCount);
        const others = await this.#fleet.metrics();
        return textOfAll(await metrics.snapshot(), others);
      },
    };
  }

  /** This process keeps no verdicts, but knows the names. */
  readonly #verdicts: VerdictRevoker = {
    revoke: async (interceptor, tags) =>
      this.#parts.liveClients.revoke(interceptor, tags) === undefined ? undefined : this.#fleet.revoke(interceptor, tags),
  };

  /** A new plan is in force here: every worker is told, and only then has the reload succeeded. Signing keys change with overlap; returned as warnings is what takes a restart. */
  async #takeUp(built: Built): Promise<readonly string[]> {
    const { log, identity } = this.#parts;
    const { loaded } = built;
    // read a moment ago, with the configuration; a file that was replaced meanwhile is a change of its own
    const keys = await keySourceOf(loaded);
    if (keys.ok) await identity.use(keys.value);
    else log.write("error", "signing_keys_not_renewed", { issues: issueLines(keys.error) });
    await this.#give(built, (listener, message) => log.write("error", "certificate_not_renewed", { listener, message }));
    await this.#fleet.swap(toSnapshot(this.#given));
    return restartWarnings(this.#openedWith, loaded.config);
  }

  /** What workers begin with from now on. */
  async #give(built: Built, onUnusable: (listener: string, message: string) => void): Promise<void> {
    const { files, options } = this.#parts;
    const { config } = built.loaded;
    const wanted = { config, openedWith: this.#openedWith, before: this.#given.files };
    this.#given = this.#workerPlan(built, await filesForWorkers(wanted, { files, clock: options.clock, onUnusable }));
  }

  /** A worker that is started later opens what the others have open, whatever the file says by then. */
  #workerPlan({ plan, loaded, manifests }: Built, files: WorkerPlan["files"]): WorkerPlan {
    const { gatewayIdentity } = this.#openedWith;
    return { plan, config: { ...loaded.config, listeners: this.#doors, gatewayIdentity }, manifests, files };
  }
}

const readinessOf = (ready: () => boolean, checks: Readiness["checks"]): Readiness => ({
  get ready() {
    return ready();
  },
  checks,
});

/** Where the system is to choose the port it is chosen here, once for all workers: one that is started later must find the same. */
async function withPorts(listeners: GatewayConfig["listeners"]): Promise<Result<GatewayConfig["listeners"], string>> {
  const chosen: GatewayConfig["listeners"][number][] = [];
  for (const listener of listeners) {
    if ("path" in listener.address) {
      chosen.push(listener);
      continue;
    }
    const { host, port } = listener.address;
    const free = port === 0 ? await freePort(host) : ok(port);
    if (!free.ok) return err(`listener ${listener.name} cannot listen: ${free.error}`);
    chosen.push({ ...listener, address: { host, port: free.value } });
  }
  return ok(chosen);
}
