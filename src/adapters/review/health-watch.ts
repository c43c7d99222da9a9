import { BinaryReader } from "@bufbuild/protobuf/wire";
import type { Result } from "../../model/result.ts";
import type { Clock } from "../../ports/clock.ts";
import { STATUS, type CallStatus } from "./status-to-failure.ts";
import type { StreamListeners } from "./stream-call.ts";

/** Opens a stream on the connection there is. */
export type OpenStream = (method: string, message: Buffer, listeners: StreamListeners) => Result<() => void, CallStatus>;

/** `Watch` of grpc.health.v1, about the server as a whole: a request with an empty name is an empty message. */
const METHOD = "/grpc.health.v1.Health/Watch";
const WHOLE_SERVER = Buffer.alloc(0);

const NOT_SERVING = 2;

/** Pause before a stream that ended is opened again; doubled while it ends without having told anything. */
const PAUSE_MS = { first: 1_000, most: 30_000 } as const;

/**
 * Follows what a service says of its health while it is connected. Only a clear NOT_SERVING counts: a service that does not know the
 * method, or says anything else, is judged by its connection. Nothing waits for it.
 */
export class HealthWatch {
  readonly #open: OpenStream;
  readonly #clock: Clock;
  #notServing = false;
  #pauseMs: number = PAUSE_MS.first;
  #giveUp = (): void => {};
  #stopTimer = (): void => {};

  constructor(open: OpenStream, clock: Clock) {
    this.#open = open;
    this.#clock = clock;
  }

  /** The service said that it takes no calls. */
  get isNotServing(): boolean {
    return this.#notServing;
  }

  /** There is a connection, and what was said over another is forgotten. */
  start(): void {
    this.stop();
    this.#pauseMs = PAUSE_MS.first;
    this.#watch();
  }

  /** There is none. */
  stop(): void {
    this.#stopTimer();
    this.#giveUp();
    this.#giveUp = () => {};
    this.#notServing = false;
  }

  #watch(): void {
    const started = this.#open(METHOD, WHOLE_SERVER, {
      onMessage: (bytes) => {
        this.#pauseMs = PAUSE_MS.first;
        this.#notServing = statusOf(bytes) === NOT_SERVING;
      },
      onEnd: (status) => this.#ended(status),
    });
    if (started.ok) this.#giveUp = started.value;
    else this.#ended(started.error);
  }

  #ended({ code }: CallStatus): void {
    // who says it stops and ends the stream in order has not begun to serve again
    if (code !== STATUS.OK) this.#notServing = false;
    if (code === STATUS.UNIMPLEMENTED) return;
    this.#stopTimer = this.#clock.after(this.#pauseMs, () => this.#watch());
    this.#pauseMs = Math.min(this.#pauseMs * 2, PAUSE_MS.most);
  }
}

/** `ServingStatus status = 1` of a HealthCheckResponse; undefined where it cannot be read. */
function statusOf(message: Uint8Array): number | undefined {
  try {
    const reader = new BinaryReader(message);
    let status = 0;
    while (reader.pos < reader.len) {
      const tag = reader.uint32();
      if (tag === 8) status = reader.int32();
      else reader.skip(tag & 7);
    }
    return status;
  } catch {
    return undefined;
  }
}
