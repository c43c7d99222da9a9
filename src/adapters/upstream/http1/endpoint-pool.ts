import type { Clock } from "../../../ports/clock.ts";
import type { EndpointNames } from "../endpoint-client.ts";
import type { EndpointTls } from "../tls/endpoint-tls.ts";
import { Http1Connection, type ConnectionParts } from "./http1-connection.ts";
import type { Http1Call } from "./http1-call.ts";

/** Where connections go, and how long they are kept. */
export interface EndpointPoolParts {
  /** Origin, `http://host:port` or `https://host:port`. */
  readonly url: string;
  /** With `https`. */
  readonly tls: EndpointTls | undefined;
  /** Where the host is a name. */
  readonly names: EndpointNames | undefined;
  readonly connectMs: number;
  /** How long an idle connection is kept, milliseconds. */
  readonly idleMs: number;
  readonly clock: Clock;
  readonly readRoom: Buffer;
}

/**
 * The connections to one endpoint. There are never more than calls were under way at once, because one is made only when none
 * is free. The one last used is used next, so that those beyond need fall idle and close.
 */
export class EndpointPool {
  /** The endpoint as a host line names it. */
  readonly authority: string;
  readonly #connectionParts: ConnectionParts;
  readonly #names: EndpointNames | undefined;
  readonly #all = new Set<Http1Connection>();
  readonly #free: Http1Connection[] = [];
  /** Calls of this turn of the event loop. */
  #arrived: Http1Call[] = [];
  #closing = false;

  constructor({ url, idleMs, connectMs, clock, readRoom, tls, names }: EndpointPoolParts) {
    const { protocol, host, hostname, port } = new URL(url);
    this.authority = host;
    this.#names = names;
    this.#connectionParts = {
      host: hostname.replace(/^\[(.*)\]$/, "$1"),
      port: port === "" ? (protocol === "https:" ? 443 : 80) : Number(port),
      tls,
      lookup: names?.lookup,
      connectMs,
      clock,
      idleMs,
      readRoom,
      onFree: (connection) => this.#onFree(connection),
      onGone: (connection) => this.#onGone(connection),
      onAgain: (call) => this.#connect(call),
    };
  }

  /**
   * Gives the call a connection: a new one at once, a free one at the end of this turn of the event loop. Until then it may
   * still say that the upstream closed it, and no request is written to one that did.
   */
  run(call: Http1Call): void {
    if (this.#free.length <= this.#arrived.length) return this.#connect(call);
    this.#arrived.push(call);
    if (this.#arrived.length === 1) setImmediate(this.#giveOut);
  }

  /** Free connections to addresses that are gone close; every other one does when it is free. */
  dropGone(): void {
    for (const connection of [...this.#free]) if (!this.#isWanted(connection)) connection.destroy();
  }

  /** Free connections close, and so does every other as soon as it is free. */
  close(): void {
    this.#closing = true;
    for (const connection of [...this.#free]) connection.destroy();
  }

  /** Every connection closes at once. */
  destroy(): void {
    this.close();
    for (const connection of [...this.#all]) connection.destroy();
  }

  readonly #giveOut = (): void => {
    const calls = this.#arrived;
    this.#arrived = [];
    for (const call of calls) {
      if (call.over) continue;
      const connection = this.#free.pop();
      if (connection === undefined) this.#connect(call);
      else connection.take(call);
    }
  };

  #connect(call: Http1Call): void {
    const connection = new Http1Connection(this.#connectionParts);
    this.#all.add(connection);
    connection.take(call);
  }

  #onFree(connection: Http1Connection): void {
    if (this.#closing || !this.#isWanted(connection)) connection.destroy();
    else this.#free.push(connection);
  }

  #isWanted({ remoteAddress }: Http1Connection): boolean {
    return this.#names === undefined || remoteAddress === undefined || this.#names.has(remoteAddress);
  }

  #onGone(connection: Http1Connection): void {
    this.#all.delete(connection);
    const at = this.#free.lastIndexOf(connection);
    if (at >= 0) this.#free.splice(at, 1);
  }
}
