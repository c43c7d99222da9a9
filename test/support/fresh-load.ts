import { send } from "./http-client.ts";
import type { LoadReport } from "./steady-load.ts";

/** Sends a request every `everyMs`, each on a connection of its own that ends with it. */
export class FreshLoad {
  readonly #timer: NodeJS.Timeout;
  readonly #open = new Set<Promise<void>>();
  readonly #failures: string[] = [];
  #sent = 0;

  constructor(url: string, everyMs: number) {
    this.#timer = setInterval(() => this.#send(url), everyMs);
  }

  /** Sends no more and waits for the answers. */
  async stop(): Promise<LoadReport> {
    clearInterval(this.#timer);
    await Promise.all(this.#open);
    return { sent: this.#sent, failures: this.#failures };
  }

  #send(url: string): void {
    this.#sent += 1;
    const done = send(url, { headers: { connection: "close" } })
      .then(({ status, text }) => {
        if (status !== 200) this.#failures.push(`${status} ${text}`);
      })
      .catch((error: unknown) => void this.#failures.push(String(error)))
      .finally(() => this.#open.delete(done));
    this.#open.add(done);
  }
}
