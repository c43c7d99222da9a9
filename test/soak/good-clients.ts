import { connect, type ClientHttp2Session } from "node:http2";
import { OpenLoad, type Sample } from "../support/open-load.ts";

/** Requests by the clock over HTTP/1.1 and over HTTP/2, however slow the answers are; an HTTP/2 connection that ends is made again. */
export class GoodClients {
  readonly #http1: OpenLoad;
  readonly #samples: Sample[] = [];
  readonly #url: string;
  readonly #timer: NodeJS.Timeout;
  readonly #open = new Set<Promise<void>>();
  #session: ClientHttp2Session | undefined;

  /** One of either kind every so many milliseconds. */
  constructor(url: string, everyMs: number) {
    this.#url = url;
    this.#http1 = new OpenLoad(url, everyMs);
    this.#timer = setInterval(() => this.#send(), everyMs);
  }

  /** Milliseconds since it began. */
  get atMs(): number {
    return this.#http1.atMs;
  }

  /** Answered so far, or given up; both kinds. */
  get samples(): readonly Sample[] {
    return [...this.#http1.samples, ...this.#samples];
  }

  /** Sends no more, and waits for the answers. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all([...this.#open, this.#http1.stop()]);
    this.#session?.destroy();
  }

  #send(): void {
    const sentAtMs = this.atMs;
    const done = this.#ask()
      .catch(() => 0)
      .then((status) => void this.#samples.push({ status, sentAtMs, tookMs: this.atMs - sentAtMs }))
      .finally(() => this.#open.delete(done));
    this.#open.add(done);
  }

  #ask(): Promise<number> {
    const session = this.#connected();
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const stream = session.request({ ":path": new URL(this.#url).pathname });
    let status = 0;
    stream.on("response", (head) => (status = head[":status"] ?? 0));
    stream.on("end", () => resolve(status));
    stream.on("error", reject);
    stream.on("close", () => reject(new Error("closed before the answer was whole")));
    stream.resume();
    return promise;
  }

  #connected(): ClientHttp2Session {
    if (this.#session !== undefined && !this.#session.closed && !this.#session.destroyed) return this.#session;
    const session = connect(new URL(this.#url).origin);
    session.on("error", () => {});
    session.on("goaway", () => session.close());
    return (this.#session = session);
  }
}
