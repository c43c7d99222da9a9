import { chmod } from "node:fs/promises";
import { Server, type Socket } from "node:net";
import { ok, type Result } from "../../model/result.ts";
import { Arrivals, type Arrived } from "./arrivals.ts";
import { Connection, type Tally } from "./connection.ts";
import type { Door, DoorParts } from "./door.ts";
import { http1Door } from "./http1/http1-door.ts";
import { Http2Door } from "./http2/http2-door.ts";
import type { Peer } from "./inbound-exchange.ts";
import type { Line } from "./line.ts";
import type { ListenerDeps } from "./listener-deps.ts";
import type { ListenerCodec, ListenerSettings, ListeningAddress } from "./listener-settings.ts";
import { nodeDoor } from "./node/node-door.ts";
import { byteRefuser } from "./refuse-bytes.ts";
import { secureContextsOf } from "./tls-context.ts";
import { TlsEntrance } from "./tls-entrance.ts";

/** How long connections without a request may still bring one when draining begins. */
const DRAIN_GRACE_MS = 1_000;

/** How often draining looks for connections that fell idle. */
const DRAIN_LOOK_MS = 100;

/** How long exchanges may take to end when their connections are gone. */
const SETTLE_MS = 1_000;

/** What is held of a body nobody reads yet: pieces as small as its sender cut them, where one byte each makes 64 KiB cost 29 MB, 16 KiB 11 (2026-11). */
const READ_BYTES = 16 * 1024;

/** Longest silence between two log lines about connections beyond the maximum. */
const REFUSED_LOG_MS = 10_000;

/**
 * A listener, listening when the promise resolves; rejects when it cannot, naming the listener. What does not parse is answered
 * here, with a problem and a closed connection, and never reaches `handle`.
 */
export async function httpListener(settings: ListenerSettings, deps: ListenerDeps): Promise<HttpListener> {
  const entrance = settings.tls === undefined ? undefined : await TlsEntrance.open(settings, settings.tls);
  // half open, because a client that sends no more may still be told why its half of a request is refused
  const server = new Server({ noDelay: true, allowHalfOpen: true, highWaterMark: READ_BYTES });
  const listener = new HttpListener({ server, entrance, settings, deps });
  try {
    await listen(server, settings.address);
  } catch (error) {
    server.close();
    listener.forget();
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`listener ${settings.name} cannot listen: ${reason}`, { cause: error });
  }
  server.on("error", (error) => deps.log.write("error", "listener_failed", { listener: settings.name, error: error.message }));
  return listener;
}

async function listen(server: Server, address: ListeningAddress): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  server.listen("path" in address ? { path: address.path } : { host: address.host, port: address.port }, resolve);
  await promise;
  server.off("error", reject);
  // until then the process's mask holds, which lets nobody else write
  if ("path" in address) await chmod(address.path, address.mode);
}

const DOORS: Readonly<Record<ListenerCodec, (parts: DoorParts) => Door>> = {
  node: nodeDoor,
  sallyport: http1Door,
};

/** Where a listener can be reached. */
export interface ListeningPlace {
  readonly host: string;
  readonly port: number;
  /** Of a unix socket; host and port are then empty. */
  readonly path?: string;
}

/** What a listener is made of. */
interface ListenerParts {
  readonly server: Server;
  /** Undefined: plain. */
  readonly entrance: TlsEntrance | undefined;
  readonly settings: ListenerSettings;
  readonly deps: ListenerDeps;
}

/** A listening door. Disposing closes it at once. */
export class HttpListener implements AsyncDisposable {
  readonly #parts: ListenerParts;
  readonly #settings: ListenerSettings;
  readonly #deps: ListenerDeps;
  readonly #arrivals: Arrivals;
  readonly #door: Door;
  readonly #http2: Http2Door;
  readonly #lines = new Map<Socket, Line>();
  /** Everything accepted, handshakes under way included. */
  readonly #sockets = new Set<Socket>();
  readonly #closed: Promise<void>;
  #draining = false;
  #underWay = 0;
  /** Run when the last exchange under way is over. */
  readonly #awaitingNone: (() => void)[] = [];
  #refusedLoggedMs = Number.NEGATIVE_INFINITY;

  constructor(parts: ListenerParts) {
    const { server, settings, deps } = parts;
    this.#parts = parts;
    this.#settings = settings;
    this.#deps = deps;
    this.#door = DOORS[settings.codec ?? "node"]({ settings, deps, refuse: byteRefuser(settings.name, deps) });
    this.#http2 = new Http2Door({ settings, deps, tally: this.#tally });
    this.#arrivals = new Arrivals(parts, (arrived) => this.#welcome(arrived));
    this.#closed = new Promise((resolve) => server.once("close", resolve));
    server.maxConnections = settings.limits.maxConnections;
    // a worker that is full refuses: handed to each other, connections would go round for ever
    Object.assign(server, { dropMaxConnection: true });
    server.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
      this.#arrivals.take(socket);
    });
    server.on("drop", this.#onDrop);
  }

  get name(): string {
    return this.#settings.name;
  }

  get scheme(): "http" | "https" {
    return this.#settings.tls === undefined ? "http" : "https";
  }

  /** Where it listens, with the port the system chose. */
  get address(): ListeningPlace {
    const bound = this.#parts.server.address();
    if (typeof bound === "object" && bound !== null) return { host: bound.address, port: bound.port };
    const { address } = this.#settings;
    return "path" in address ? { host: "", port: 0, path: address.path } : address;
  }

  /** Open client connections. */
  get connectionCount(): number {
    return this.#sockets.size;
  }

  /** Reads the certificate files again and uses them for new connections. On an error the old ones stay. */
  async renewCertificates(): Promise<Result<void>> {
    const { tls } = this.#settings;
    if (tls === undefined) return ok(undefined);
    const pem = await tls.readPem();
    if (!pem.ok) return pem;
    const contexts = secureContextsOf(pem.value);
    if (!contexts.ok) return contexts;
    this.#parts.entrance?.renew(contexts.value);
    return ok(undefined);
  }

  /**
   * Stops accepting, answers what is under way and what still arrives within a moment, each with `connection: close` or behind a
   * GOAWAY, and cuts what is left after `deadlineMs`. Resolves when the last connection is gone and every exchange was told how its response went.
   */
  async drain(deadlineMs: number): Promise<void> {
    const { clock } = this.#deps;
    if (!this.#draining) {
      this.#draining = true;
      this.#parts.server.close();
      for (const line of this.#lines.values()) line.leave();
    }
    const graceEndsMs = clock.nowMs() + Math.min(DRAIN_GRACE_MS, deadlineMs / 2);
    let stopLooking = (): void => {};
    const look = (): void => {
      if (clock.nowMs() >= graceEndsMs) this.#settle();
      stopLooking = clock.after(DRAIN_LOOK_MS, look);
    };
    look();
    const stopDeadline = clock.after(deadlineMs, () => this.#cutAll());
    await this.#closed;
    await this.#noneUnderWay();
    stopLooking();
    stopDeadline();
    this.forget();
  }

  /** No connection is left, and none will come. */
  forget(): void {
    this.#door.closed();
    this.#http2.closed();
  }

  /** Stops accepting and cuts every connection. */
  async close(): Promise<void> {
    const drained = this.drain(0);
    this.#cutAll();
    await drained;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** A connection is gone before its exchange has heard of it. An exchange that does not heed its cancel is not waited for. */
  async #noneUnderWay(): Promise<void> {
    if (this.#underWay === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#awaitingNone.push(resolve);
    const stop = this.#deps.clock.after(SETTLE_MS, resolve);
    await promise;
    stop();
  }

  #settle(): void {
    this.#arrivals.settle();
    for (const line of this.#lines.values()) line.settle();
  }

  #cutAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #welcome({ socket, version, peer }: Arrived): void {
    const line = version === "http1" ? this.#serve(socket, peer) : this.#http2.serve(socket, peer);
    this.#lines.set(socket, line);
    socket.once("close", () => this.#lines.delete(socket));
    if (this.#draining) line.leave();
  }

  #serve(socket: Socket, peer: Peer): Connection {
    const connection = new Connection(socket, this.#deps.clock, this.#tally);
    const closing = (): boolean => this.#draining || connection.closing;
    this.#door.serve({ socket, connection, parts: { ...this.#deps, peer, settings: this.#settings, closing } });
    return connection;
  }

  readonly #tally: Tally = {
    begun: () => void (this.#underWay += 1),
    over: () => {
      this.#underWay -= 1;
      if (this.#underWay === 0) for (const resolve of this.#awaitingNone.splice(0)) resolve();
    },
  };

  readonly #onDrop = (): void => {
    const nowMs = this.#deps.clock.nowMs();
    if (nowMs - this.#refusedLoggedMs < REFUSED_LOG_MS) return;
    this.#refusedLoggedMs = nowMs;
    this.#deps.log.write("warn", "connections_refused", {
      listener: this.#settings.name,
      max_connections: this.#settings.limits.maxConnections,
    });
  };
}
