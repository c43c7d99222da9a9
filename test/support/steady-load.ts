import { Agent } from "node:http";
import { send } from "./http-client.ts";

/** What became of the requests of a load. */
export interface LoadReport {
  readonly sent: number;
  /** Requests that got no answer, or one that was not 200. */
  readonly failures: readonly string[];
}

/** Sends a request every `everyMs`, whether those before it were answered or not, over a few kept-alive connections. */
export class SteadyLoad {
  readonly #url: string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 8 });
  readonly #timer: NodeJS.Timeout;
  readonly #open = new Set<Promise<void>>();
  readonly #failures: string[] = [];
  #sent = 0;

  constructor(url: string, everyMs: number) {
    this.#url = url;
    this.#timer = setInterval(() => this.#send(), everyMs);
  }

  get sent(): number {
    return this.#sent;
  }

  /** Sends no more and waits for the answers. */
  async stop(): Promise<LoadReport> {
    clearInterval(this.#timer);
    await Promise.all(this.#open);
    this.#agent.destroy();
    return { sent: this.#sent, failures: this.#failures };
  }

  #send(): void {
    this.#sent += 1;
    const done = send(`${this.#url}/load/${this.#sent}`, { agent: this.#agent })
      .then(({ status, text }) => {
        if (status !== 200) this.#failures.push(`${status} ${text}`);
      })
      .catch((error: unknown) => void this.#failures.push(String(error)))
      .finally(() => this.#open.delete(done));
    this.#open.add(done);
  }
}
