import type { AdminServer } from "../adapters/admin/fastify-server.ts";
import type { GatewayIdentity } from "../adapters/identity/gateway-identity.ts";
import { fileConfigSource } from "../adapters/config-source/file.ts";
import { RememberedFiles } from "../adapters/files/remembered-files.ts";
import { runtimeVersion } from "../adapters/system/runtime-version.ts";
import { prometheusMetrics, type ExposedMetrics } from "../adapters/telemetry/prometheus-metrics.ts";
import { adminRoutes } from "../admin/admin-routes.ts";
import type { GatewayConfig } from "../config/gateway-config.ts";
import type { LoadedConfig } from "../config/load-config.ts";
import { METRICS } from "../model/metrics-table.ts";
import { err, ok, type Result } from "../model/result.ts";
import { pipeline } from "../pipeline/handle.ts";
import type { ReloadOutcome } from "../ports/admin-facts.ts";
import type { Log } from "../ports/log.ts";
import { acquirer } from "./acquire.ts";
import { answeringJwks } from "./answer-jwks.ts";
import { CaptureRoom } from "./capture-room.ts";
import type { Built } from "./built.ts";
import { buildGeneration, issueLines, type BuildDeps } from "./generations.ts";
import { interceptorStates } from "./interceptor-states.ts";
import { jwksListeners, makeRoom } from "./listeners.ts";
import { OpenEventStreams } from "./open-event-streams.ts";
import { OpenListeners, type ListenerChange, type ListenersConfig } from "./open-listeners.ts";
import { LiveClients } from "./live-clients.ts";
import { loadFile } from "./load-file.ts";
import { openAdmin } from "./open-admin.ts";
import { pause } from "../support/pause.ts";
import { pipelineParts, type PipelineParts } from "./pipeline-parts.ts";
import { readyChecks } from "./ready-checks.ts";
import { ReadyLatch } from "./readiness.ts";
import { Reloader } from "./reloader.ts";
import { ResourcePool } from "./resource-pool.ts";
import { restartWarnings } from "./restart-warnings.ts";
import type { GatewayOptions, ListeningAt, RunningGateway, RunningParts, StartingGateway } from "./running-gateway.ts";
import { identityOf, keySourceOf, withSigningKeys } from "./signing-keys.ts";
import { scrapedMetrics } from "./scraped-metrics.ts";
import { ControlGateway } from "./workers/control-gateway.ts";
import { workerCount } from "./workers/worker-share.ts";

/** Starts a gateway from its file, or tells every reason why not, as lines for people. */
export async function startGateway(options: GatewayOptions): Promise<Result<RunningGateway, readonly string[]>> {
  const closing = new AsyncDisposableStack();
  const started = await start(options, closing);
  if (!started.ok) await closing.disposeAsync();
  return started;
}

async function start(options: GatewayOptions, closing: AsyncDisposableStack): Promise<Result<RunningGateway, readonly string[]>> {
  const { clock } = options;
  let onFileChange = (): void => {};
  let onWatchFailure = (_reason: string): void => {};
  const source = closing.use(
    fileConfigSource(options.configFile, {
      clock,
      onChange: () => onFileChange(),
      onWatchFailure: (reason) => onWatchFailure(reason),
    }),
  );
  const first = await loadFile(options.configFile, source, options.env);
  if (!first.ok) return err(issueLines(first.error.issues));
  const { config } = first.value.loaded;
  const workers = workerCount(config.workers, options.workers?.cores ?? 1);
  if (workers > 1 && options.workers === undefined) return err(["several workers cannot be started from here"]);
  const metrics = prometheusMetrics({ processMetrics: true });
  const dropped = metrics.counter(METRICS.logDropped, []);
  const log = closing.use(options.openLog(config.log.level, () => dropped.add()));
  onWatchFailure = (reason) =>
    log.write("warn", "config_watch_failed", { reason, hint: "changes are noticed every few seconds" });
  metrics.gauge(METRICS.buildInfo, [options.version, runtimeVersion()]).set(1);
  const identity = await identityOf(first.value.loaded, { clock, log });
  if (!identity.ok) return err(issueLines(identity.error));
  closing.use(identity.value);
  const liveClients = new LiveClients();
  const gatewayId = config.gatewayIdentity.id;
  const files = new RememberedFiles();
  const readFile = workers > 1 ? files.read : undefined;
  const deps = buildDeps(options, {
    log,
    metrics,
    identity: identity.value,
    gatewayId,
    liveClients,
    readFile,
    servesRequests: workers === 1,
  });
  const built = await buildGeneration(first.value.loaded, deps, { before: undefined });
  if (!built.ok) return err(issueLines(built.error.issues));
  const missing = requiredMissing(built.value);
  if (options.strict && missing.length > 0) {
    await built.value.generation.retire();
    return err(missing.map((name) => `interceptor ${name} did not answer Describe: ${built.value.undescribed.get(name) ?? ""}`));
  }
  const parts = {
    options,
    log,
    metrics,
    deps,
    identity: identity.value,
    liveClients,
    source,
    first: { built: built.value, fingerprint: first.value.fingerprint },
  };
  const run: StartingGateway =
    options.workers !== undefined && workers > 1
      ? new ControlGateway({ ...parts, files, workers, processes: options.workers })
      : new Running(parts);
  onFileChange = () => void run.reloader.reload("file");
  const opened = await run.open();
  if (opened.ok) closing.use(run);
  else await run.reloader.close();
  return opened.ok ? ok(run.withClosing(closing.move())) : err([opened.error]);
}

interface AcquireParts {
  readonly log: Log;
  readonly metrics: ExposedMetrics;
  readonly identity: GatewayIdentity;
  readonly gatewayId: string;
  readonly liveClients: LiveClients;
  /** Where certificates are read from; undefined: the disk. */
  readonly readFile: RememberedFiles["read"] | undefined;
  /** Not where workers do. */
  readonly servesRequests: boolean;
}

function buildDeps(
  { clock, ids, version, upstreamClient }: GatewayOptions,
  { log, metrics, readFile, ...parts }: AcquireParts,
): BuildDeps {
  const pool = new ResourcePool();
  return {
    acquire: acquirer({
      pool,
      clock,
      log,
      metrics,
      ...parts,
      gatewayVersion: version,
      upstreamClient,
      ...(readFile === undefined ? {} : { readFile }),
    }),
    resources: { metrics, clock, ids, eventStreams: new OpenEventStreams(clock) },
    log,
  };
}

const requiredMissing = ({ plan, manifests }: Built): readonly string[] =>
  plan.interceptors.filter(({ name, required }) => required && !manifests.has(name)).map(({ name }) => name);

/** The parts of a gateway while it runs, and the order they end in. */
class Running implements StartingGateway {
  readonly reloader: Reloader;
  readonly #parts: RunningParts;
  readonly #latch: ReadyLatch;
  readonly #captured: CaptureRoom;
  readonly #exchanges: PipelineParts;
  readonly #listeners: OpenListeners;
  /** Names of the listeners where the public keys are answered. */
  readonly #withJwks: Set<string>;
  /** What it was started with; a reload does not change all of it. */
  readonly #openedWith: GatewayConfig;
  #admins: readonly AdminServer[] = [];
  #closing: AsyncDisposableStack | undefined;

  constructor(parts: RunningParts) {
    const { deps, log, metrics, options, source, first, liveClients } = parts;
    this.#parts = parts;
    this.#openedWith = first.built.loaded.config;
    this.#captured = new CaptureRoom(this.#openedWith.maxCapturedBytes);
    this.reloader = new Reloader(first, {
      ...deps,
      metrics,
      load: async () => withSigningKeys(await loadFile(options.configFile, source, options.env)),
      prepare: ({ loaded }) => this.#prepare(loaded.config),
      onSwapped: ({ loaded }) => this.#takeUp(loaded),
    });
    this.#latch = new ReadyLatch(() => readyChecks(this.reloader.built, this.reloader.rejection));
    this.#exchanges = pipelineParts(
      { plans: this.reloader.holder, clock: options.clock, ids: options.ids, log, captured: this.#captured },
      { metrics, config: this.#openedWith, reviews: () => this.reloader.built.loaded.config.log.reviews },
    );
    liveClients.onRevoked((interceptor, tags) => this.#exchanges.streams.revoked(interceptor, tags));
    this.#withJwks = new Set(jwksListeners(this.#openedWith));
    this.#listeners = new OpenListeners({
      handle: answeringJwks(pipeline(this.#exchanges.deps), this.#withJwks, parts.identity),
      log,
      clock: options.clock,
      ids: options.ids,
      plans: this.reloader.holder,
      drainMs: () => this.reloader.built.loaded.config.drainMs,
      onLeaving: (key, drainMs) => this.#exchanges.tunnels.drainListener(key, drainMs / 2),
    });
  }

  /** Opens the admin listener first, so that health can be asked while the rest comes up; then the doors. */
  async open(): Promise<Result<void, string>> {
    const { log } = this.#parts;
    const admins = await openAdmin(this.#openedWith, { routes: this.#adminRoutes(), log });
    if (!admins.ok) return admins;
    this.#admins = admins.value;
    const listeners = await this.#prepare(this.#openedWith);
    if (listeners.ok) {
      listeners.value.commit(() => {});
      return ok(undefined);
    }
    this.#exchanges.strain.stop();
    for (const admin of this.#admins) await admin[Symbol.asyncDispose]();
    return listeners;
  }

  withClosing(closing: AsyncDisposableStack): this {
    this.#closing = closing;
    return this;
  }

  get listeners(): readonly ListeningAt[] {
    return this.#listeners.all.map(({ name, scheme, address }) => ({ name, scheme, ...address }));
  }

  get admin(): { readonly host: string; readonly port: number } {
    return this.#admins[0]?.address ?? { host: "", port: 0 };
  }

  get warnings(): readonly string[] {
    return this.reloader.built.plan.warnings;
  }

  get counts(): RunningGateway["counts"] {
    const { routes, bindings } = this.reloader.built.plan;
    return { routes: routes.length, bindings: bindings.length };
  }

  get ready(): boolean {
    return this.#latch.ready;
  }

  reload(reason: "admin" | "signal" | "file"): Promise<ReloadOutcome> {
    return this.reloader.reload(reason);
  }

  /** Drains: not ready; after `drain_delay` no new connections, exchanges and observers finish within `drain`, then everything is given back. */
  async [Symbol.asyncDispose](): Promise<void> {
    const closing = this.#closing;
    // the stack disposes this object too; the second time there is nothing left to do
    if (closing === undefined) return;
    this.#closing = undefined;
    const { options, log } = this.#parts;
    const { drainMs, drainDelayMs } = this.reloader.built.loaded.config;
    log.write("info", "draining", { drain_delay_ms: drainDelayMs, drain_ms: drainMs });
    this.#latch.drain();
    await pause(options.clock, drainDelayMs);
    const deadline = new Promise<void>((resolve) => options.clock.after(drainMs, resolve));
    this.#exchanges.tunnels.drain(drainMs / 2);
    this.#parts.deps.resources.eventStreams.drain(drainMs / 2);
    await this.#listeners.drain(drainMs);
    await Promise.all([this.#exchanges.observers.drain(deadline), this.#exchanges.shadows.drain(deadline)]);
    for (const admin of this.#admins) await admin[Symbol.asyncDispose]();
    await this.reloader.close();
    this.#exchanges.strain.stop();
    log.write("info", "stopped", {});
    await closing.disposeAsync();
  }

  #adminRoutes(): ReturnType<typeof adminRoutes> {
    const { options, metrics, identity, liveClients } = this.#parts;
    return adminRoutes({
      readiness: this.#latch,
      metrics: scrapedMetrics(metrics, {
        readiness: this.#latch,
        inFlight: () => this.reloader.holder.inFlight,
        longLived: () => this.#exchanges.streams.size,
        strain: this.#exchanges.strain,
        connections: () => this.#listeners.connections(),
        webSockets: () => this.#exchanges.tunnels.size,
        clients: () => new Map([...this.reloader.built.clients].map(([name, client]) => [name, client.status()])),
      }),
      plan: { plan: () => this.reloader.built.plan, history: () => this.reloader.history.changes },
      reloader: this.reloader,
      interceptors: interceptorStates(this.reloader),
      publicKeys: identity,
      verdicts: liveClients,
      workers: { roll: () => undefined },
      version: options.version,
    });
  }

  async #prepare(config: ListenersConfig): Promise<Result<ListenerChange, string>> {
    const room = await makeRoom(config, this.#listeners.configs, this.#parts.options.clock);
    return room.ok ? this.#listeners.prepare(config) : room;
  }

  /** What a new configuration changes outside the plan: listeners have changed with it, certificates do at once, signing keys with overlap; the rest, returned as warnings, after a restart. */
  async #takeUp(loaded: LoadedConfig): Promise<readonly string[]> {
    const { log, identity } = this.#parts;
    // read a moment ago, with the configuration; a file that was replaced meanwhile is a change of its own
    const keys = await keySourceOf(loaded);
    if (keys.ok) await identity.use(keys.value);
    else log.write("error", "signing_keys_not_renewed", { issues: issueLines(keys.error) });
    await this.#listeners.renewCertificates((listener, message) =>
      log.write("error", "certificate_not_renewed", { listener, message }),
    );
    this.#withJwks.clear();
    for (const name of jwksListeners(loaded.config)) this.#withJwks.add(name);
    this.#captured.resize(loaded.config.maxCapturedBytes);
    this.#exchanges.turnstile.limit(loaded.config);
    this.#exchanges.strain.limit(loaded.config.overload);
    return restartWarnings(this.#openedWith, loaded.config);
  }
}
