import type { FileConfigSource } from "../adapters/config-source/file.ts";
import type { GatewayIdentity } from "../adapters/identity/gateway-identity.ts";
import type { ListeningPlace } from "../adapters/inbound/listening-socket.ts";
import type { ExposedMetrics } from "../adapters/telemetry/prometheus-metrics.ts";
import type { UpstreamClient } from "./acquire-upstream.ts";
import type { Built } from "./built.ts";
import type { BuildDeps } from "./generations.ts";
import type { LiveClients } from "./live-clients.ts";
import type { FlushableLog } from "../adapters/telemetry/pino-log.ts";
import type { Result } from "../model/result.ts";
import type { ReloadOutcome } from "../ports/admin-facts.ts";
import type { Clock } from "../ports/clock.ts";
import type { Ids } from "../ports/ids.ts";
import type { LogLevel } from "../ports/log.ts";
import type { WorkerProcesses } from "../ports/worker-link.ts";
import type { Reloader } from "./reloader.ts";

/** What a gateway is started with. */
export interface GatewayOptions {
  readonly configFile: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Refuse to start while a required interceptor is not described (C32). */
  readonly strict: boolean;
  readonly version: string;
  /** Makes the log once the configuration has said how loud it is; `onDropped` hears of each line that is lost. The gateway closes it last. */
  readonly openLog: (level: LogLevel, onDropped: () => void) => FlushableLog;
  readonly clock: Clock;
  readonly ids: Ids;
  /** Starts worker processes; without it `workers: 1` is the only number there is (C37). */
  readonly workers?: WorkerProcesses;
  /** What upstreams are spoken to with; both keep one contract, `undici` is the reference. Default: `sallyport`. */
  readonly upstreamClient?: UpstreamClient | undefined;
}

/** A listener, and where it can be reached. */
export interface ListeningAt extends ListeningPlace {
  readonly name: string;
  readonly scheme: "http" | "https";
}

/** A gateway that takes requests. Disposing it drains: no new connections, exchanges under way finish within `drain`. */
export interface RunningGateway extends AsyncDisposable {
  readonly listeners: readonly ListeningAt[];
  readonly admin: { readonly host: string; readonly port: number };
  readonly warnings: readonly string[];
  /** Number of routes and bindings in force, for the greeting. */
  readonly counts: { readonly routes: number; readonly bindings: number };
  readonly ready: boolean;
  /** Never rejects. */
  reload(reason: "admin" | "signal" | "file"): Promise<ReloadOutcome>;
}

/** A gateway that is being started. */
export interface StartingGateway extends RunningGateway {
  readonly reloader: Reloader;
  /** Opens its doors; the error is a line for people, and leaves none open. */
  open(): Promise<Result<void, string>>;
  /** What is given back at the very end, when it is disposed. */
  withClosing(closing: AsyncDisposableStack): this;
}

/** What a gateway runs with, made before it opens. */
export interface RunningParts {
  readonly options: GatewayOptions;
  readonly log: FlushableLog;
  readonly metrics: ExposedMetrics;
  readonly deps: BuildDeps;
  readonly identity: GatewayIdentity;
  readonly liveClients: LiveClients;
  readonly source: FileConfigSource;
  readonly first: { readonly built: Built; readonly fingerprint: string };
}
