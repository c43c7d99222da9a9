import type { Socket } from "node:net";
import { ok, type Result } from "../../model/result.ts";
import { Arrivals, type Arrived } from "./arrivals.ts";
import { Connection, type Tally } from "./connection.ts";
import type { Door, DoorParts } from "./door.ts";
import { http1Door } from "./http1/http1-door.ts";
import { Http2Door } from "./http2/http2-door.ts";
import type { Peer } from "./inbound-exchange.ts";
import type { Line } from "./line.ts";
import type { ListenerDeps } from "./listener-deps.ts";
import type { ListenerCodec, ListenerSettings } from "./listener-settings.ts";
import { ListeningSocket, type ListeningPlace, type SocketOwner } from "./listening-socket.ts";
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

/** Longest silence between two log lines about connections beyond the maximum. */
const REFUSED_LOG_MS = 10_000;

/**
 * A listener, listening when the promise resolves; rejects when it cannot, naming the listener. What does not parse is answered
 * here, with a problem and a closed connection, and never reaches `handle`.
 */
export async function httpListener(settings: ListenerSettings, deps: ListenerDeps): Promise<HttpListener> {
  const listener = await prepareListener(settings, deps);
  listener.begin();
  return listener;
}

/** A listener that takes no connection before `begin`: those that come to a socket of its own wait. `socket` is that of the one whose place it takes. */
export async function prepareListener(
  settings: ListenerSettings,
  deps: ListenerDeps,
  socket?: ListeningSocket,
): Promise<HttpListener> {
  const entrance = settings.tls === undefined ? undefined : await TlsEntrance.open(settings, settings.tls);
  try {
    return new HttpListener({ socket: socket ?? (await ListeningSocket.open(settings.address)), entrance, settings, deps });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`listener ${settings.name} cannot listen: ${reason}`, { cause: error });
  }
}

const DOORS: Readonly<Record<ListenerCodec, (parts: DoorParts) => Door>> = {
  node: nodeDoor,
  sallyport: http1Door,
};

/** What a listener is made of. */
interface ListenerParts {
  readonly socket: ListeningSocket;
  /** Undefined: plain. */
  readonly entrance: TlsEntrance | undefined;
  readonly settings: ListenerSettings;
  readonly deps: ListenerDeps;
}

/** A listening door. Disposing closes it at once. */
export class HttpListener implements AsyncDisposable, SocketOwner {
  readonly #parts: ListenerParts;
  readonly #settings: ListenerSettings;
  readonly #deps: ListenerDeps;
  readonly #arrivals: Arrivals;
  readonly #door: Door;
  readonly #http2: Http2Door;
  readonly #lines = new Map<Socket, Line>();
  /** Everything accepted, handshakes under way included. */
  readonly #sockets = new Set<Socket>();
  /** Settles when it listens no more and the last connection is gone. */
  readonly #closed = Promise.withResolvers<void>();
  #draining = false;
  /** No request is begun any more. */
  #isShut = false;
  #underWay = 0;
  /** Run when the last exchange under way is over. */
  readonly #awaitingNone: (() => void)[] = [];
  #refusedLoggedMs = Number.NEGATIVE_INFINITY;

  constructor(parts: ListenerParts) {
    const { settings, deps } = parts;
    this.#parts = parts;
    this.#settings = settings;
    this.#deps = deps;
    this.#door = DOORS[settings.codec ?? "node"]({ settings, deps, refuse: byteRefuser(settings.name, deps) });
    this.#http2 = new Http2Door({ settings, deps, tally: this.#tally });
    this.#arrivals = new Arrivals(parts, (arrived) => this.#welcome(arrived));
  }

  /** Takes the connections of its socket from now on. */
  begin(): void {
    this.#parts.socket.give(this);
  }

  take(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once("close", () => {
      this.#sockets.delete(socket);
      this.#settleClosed();
    });
    this.#arrivals.take(socket);
  }

  get maxConnections(): number {
    return this.#settings.limits.maxConnections;
  }

  /** Its socket, for the listener that takes its place. */
  get socket(): ListeningSocket {
    return this.#parts.socket;
  }

  get name(): string {
    return this.#settings.name;
  }

  /** What stands for it in the requests that come in by it. */
  get key(): object {
    return this.#settings;
  }

  get scheme(): "http" | "https" {
    return this.#settings.tls === undefined ? "http" : "https";
  }

  /** Where it listens, with the port the system chose. */
  get address(): ListeningPlace {
    return this.#parts.socket.place;
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
   * Stops accepting, unless another listener has taken over its socket, answers what is under way and what still arrives within a moment, each with `connection: close` or behind a
   * GOAWAY, and cuts what is left after `deadlineMs`. Resolves when the last connection is gone and every exchange was told how its response went.
   * `begins`: what its connections may still bring; `nothing` is for those that could not be made any more.
   */
  async drain(deadlineMs: number, begins: "what-arrives" | "nothing" = "what-arrives"): Promise<void> {
    const { clock } = this.#deps;
    if (begins === "nothing") this.#shut();
    if (!this.#draining) {
      this.#draining = true;
      this.#parts.socket.leave(this);
      for (const line of this.#lines.values()) line.leave();
    }
    const graceEndsMs = clock.nowMs() + Math.min(DRAIN_GRACE_MS, deadlineMs / 2);
    let stopLooking = (): void => {};
    const look = (): void => {
      // behind the next reads, wherever in its turn the event loop is: what came in time may be unread where this process is late
      if (clock.nowMs() >= graceEndsMs) setImmediate(() => setImmediate(() => this.#settle()));
      stopLooking = clock.after(DRAIN_LOOK_MS, look);
    };
    look();
    const stopDeadline = clock.after(deadlineMs, () => this.#cutAll());
    this.#settleClosed();
    await this.#closed.promise;
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

  #settleClosed(): void {
    if (this.#draining && this.#sockets.size === 0) this.#closed.resolve();
  }

  #shut(): void {
    this.#isShut = true;
    this.#arrivals.settle();
    for (const line of this.#lines.values()) line.shut();
  }

  #settle(): void {
    this.#arrivals.settle();
    for (const line of this.#lines.values()) line.settle();
  }

  #cutAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #welcome({ socket, version, peer }: Arrived): void {
    if (this.#isShut) return void socket.destroy();
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

  onError(error: Error): void {
    this.#deps.log.write("error", "listener_failed", { listener: this.#settings.name, error: error.message });
  }

  onDrop(): void {
    const nowMs = this.#deps.clock.nowMs();
    if (nowMs - this.#refusedLoggedMs < REFUSED_LOG_MS) return;
    this.#refusedLoggedMs = nowMs;
    this.#deps.log.write("warn", "connections_refused", {
      listener: this.#settings.name,
      max_connections: this.#settings.limits.maxConnections,
    });
  }
}
