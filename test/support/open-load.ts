import { Agent } from "node:http";
import { send } from "./http-client.ts";

/** One request of an open load, answered. */
export interface Sample {
  /** 0: no answer. */
  readonly status: number;
  /** Milliseconds since the load began. */
  readonly sentAtMs: number;
  readonly tookMs: number;
}

/** Sends at a fixed rate, however slow the answers are: each request has a connection when it wants one. */
export class OpenLoad {
  readonly samples: Sample[] = [];
  readonly #agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY });
  readonly #beganMs = performance.now();
  readonly #open = new Set<Promise<void>>();
  readonly #timer: NodeJS.Timeout;

  constructor(url: string, everyMs: number) {
    this.#timer = setInterval(() => this.#send(url), everyMs);
  }

  /** Milliseconds since it began. */
  get atMs(): number {
    return performance.now() - this.#beganMs;
  }

  /** Sends no more, and waits for the answers. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#open);
    this.#agent.destroy();
  }

  #send(url: string): void {
    const sentAtMs = this.atMs;
    const note = (status: number): void => void this.samples.push({ status, sentAtMs, tookMs: this.atMs - sentAtMs });
    const done = send(url, { agent: this.#agent })
      .then(({ status }) => note(status))
      .catch(() => note(0))
      .finally(() => this.#open.delete(done));
    this.#open.add(done);
  }
}
