import { WatchRequest } from "@sallyport/contract/gen/sallyport/interceptor/v1/interceptor.ts";
import { METHODS } from "@sallyport/contract/wire.ts";
import type { Clock } from "../../../ports/clock.ts";
import type { OpenStream } from "../health-watch.ts";
import { STATUS, type CallStatus } from "../status-to-failure.ts";
import type { PacedLog } from "./paced-log.ts";
import { readEvent } from "./read-event.ts";

/** First and longest pause before a stream that ended is opened again; doubled each time until one has lasted as long as the longest. Milliseconds. */
const PAUSE_MS = { first: 100, most: 5_000 } as const;

/** How often a service that does not offer `Watch` is described again instead, milliseconds: a changed manifest is noticed within this time. */
const POLL_MS = 30_000;

/** What is heard on a stream. */
export interface WatchListeners {
  /** The manifest changed, or may have while nobody listened. */
  readonly onManifestChanged: () => void;
  readonly onRevoke: (tags: readonly string[]) => void;
  /** It is open: what was revoked before may not have been heard. */
  readonly onUp: () => void;
  /** It was open and is not any more. */
  readonly onDown: () => void;
}

/** What a stream is made with. */
export interface WatchStreamDeps {
  readonly gatewayId: string;
  readonly clock: Clock;
  /** Its lines already name interceptor and endpoint. */
  readonly log: PacedLog;
  readonly listeners: WatchListeners;
}

/**
 * `Watch` of one endpoint, open for as long as there is a connection (C30, C34). It counts as open from the service's response headers:
 * from then on the service tells of every change. An event that cannot be read ends it, since nobody knows what was missed.
 */
export class WatchStream {
  readonly #open: OpenStream;
  readonly #deps: WatchStreamDeps;
  readonly #message: Buffer;
  #upSinceMs: number | undefined;
  #pauseMs: number = PAUSE_MS.first;
  #mayHaveMissed = false;
  #giveUp = (): void => {};
  #stopTimer = (): void => {};

  constructor(open: OpenStream, deps: WatchStreamDeps) {
    this.#open = open;
    this.#deps = deps;
    this.#message = Buffer.from(WatchRequest.encode({ gatewayId: deps.gatewayId }).finish());
  }

  get isUp(): boolean {
    return this.#upSinceMs !== undefined;
  }

  /** There is a connection, maybe another than before. `isAsked`: a Describe was sent before this, and may miss what changes meanwhile. */
  start(isAsked: boolean): void {
    this.stop();
    this.#pauseMs = PAUSE_MS.first;
    this.#mayHaveMissed = isAsked;
    this.#watch();
  }

  /** There is none. */
  stop(): void {
    this.#stopTimer();
    this.#giveUp();
    this.#giveUp = () => {};
    this.#fall();
  }

  #watch(): void {
    const started = this.#open(METHODS.watch, this.#message, {
      onHeaders: () => this.#rise(),
      onMessage: (bytes) => this.#hear(bytes),
      onEnd: (status) => this.#ended(status),
    });
    if (started.ok) this.#giveUp = started.value;
    else this.#ended(started.error);
  }

  #rise(): void {
    const { clock, log, listeners } = this.#deps;
    if (this.isUp) return;
    this.#upSinceMs = clock.nowMs();
    log.write("debug", "watch_opened", {});
    listeners.onUp();
    if (this.#mayHaveMissed) listeners.onManifestChanged();
    this.#mayHaveMissed = true;
  }

  #hear(bytes: Buffer): void {
    const { listeners } = this.#deps;
    const event = readEvent(bytes);
    if (!event.ok) {
      this.#giveUp();
      return this.#again(event.error);
    }
    const { manifestChanged, revoked } = event.value;
    // a service that writes before its headers were seen is there all the same
    this.#rise();
    if (revoked.length > 0) listeners.onRevoke(revoked);
    if (manifestChanged) listeners.onManifestChanged();
  }

  #ended({ code, details }: CallStatus): void {
    if (code !== STATUS.UNIMPLEMENTED)
      return this.#again(`gRPC status ${code}: ${details.slice(0, MAX_DETAIL_CHARS) || "no details"}`);
    this.#giveUp = () => {};
    this.#fall();
    this.#pollLater();
  }

  #again(reason: string): void {
    const { clock, log } = this.#deps;
    this.#giveUp = () => {};
    const lastedMs = this.#upSinceMs === undefined ? 0 : clock.nowMs() - this.#upSinceMs;
    this.#fall();
    log.write("warn", "watch_ended", { reason });
    if (lastedMs >= PAUSE_MS.most) this.#pauseMs = PAUSE_MS.first;
    this.#stopTimer = clock.after(this.#pauseMs, () => this.#watch());
    this.#pauseMs = Math.min(this.#pauseMs * 2, PAUSE_MS.most);
  }

  #pollLater(): void {
    const { clock, listeners } = this.#deps;
    this.#stopTimer = clock.after(POLL_MS, () => {
      listeners.onManifestChanged();
      this.#pollLater();
    });
  }

  #fall(): void {
    if (!this.isUp) return;
    this.#upSinceMs = undefined;
    this.#deps.listeners.onDown();
  }
}

/** Details come from the peer and go into the log. */
const MAX_DETAIL_CHARS = 200;
