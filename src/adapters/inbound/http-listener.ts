import { Server as NetServer, type Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { ok, type Result } from "../../model/result.ts";
import { plainAddress } from "../../support/cidr.ts";
import { Connection, type Tally } from "./connection.ts";
import type { Door, DoorParts } from "./door.ts";
import { http1Door } from "./http1/http1-door.ts";
import type { Peer } from "./inbound-exchange.ts";
import type { ListenerDeps } from "./listener-deps.ts";
import type { ListenerCodec, ListenerSettings } from "./listener-settings.ts";
import { nodeDoor } from "./node/node-door.ts";
import { byteRefuser } from "./refuse-bytes.ts";
import { secureContextOf, secureDoorOf, verifiedSubject } from "./tls-context.ts";

/** How long connections without a request may still bring one when draining begins. */
const DRAIN_GRACE_MS = 1_000;

/** How often draining looks for connections that fell idle. */
const DRAIN_LOOK_MS = 100;

/** How long exchanges may take to end when their connections are gone. */
const SETTLE_MS = 1_000;

/** Longest silence between two log lines about connections beyond the maximum. */
const REFUSED_LOG_MS = 10_000;

/**
 * An HTTP/1.1 listener, listening when the promise resolves; rejects when it cannot, naming the listener. What does not parse is
 * answered here, with a problem and a closed connection, and never reaches `handle`.
 */
export async function httpListener(settings: ListenerSettings, deps: ListenerDeps): Promise<HttpListener> {
  const tls = settings.tls === undefined ? undefined : await secureDoorOf(settings, settings.tls);
  const door = DOORS[settings.codec ?? "node"]({ settings, deps, tls, refuse: byteRefuser(settings.name, deps) });
  const { server } = door;
  const listener = new HttpListener(door, settings, deps);
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) =>
      reject(new Error(`listener ${settings.name} cannot listen: ${error.message}`, { cause: error })),
    );
    server.listen({ host: settings.address.host, port: settings.address.port }, resolve);
  });
  server.on("error", (error) => deps.log.write("error", "listener_failed", { listener: settings.name, error: error.message }));
  return listener;
}

const DOORS: Readonly<Record<ListenerCodec, (parts: DoorParts) => Door>> = {
  node: nodeDoor,
  sallyport: http1Door,
};

/** A listening door. Disposing closes it at once. */
export class HttpListener implements AsyncDisposable {
  readonly #door: Door;
  readonly #settings: ListenerSettings;
  readonly #deps: ListenerDeps;
  readonly #connections = new Map<Socket, Connection>();
  /** Everything accepted, handshakes under way included. */
  readonly #sockets = new Set<Socket>();
  readonly #closed: Promise<void>;
  #draining = false;
  #underWay = 0;
  /** Run when the last exchange under way is over. */
  readonly #awaitingNone: (() => void)[] = [];
  #refusedLoggedMs = Number.NEGATIVE_INFINITY;

  constructor(door: Door, settings: ListenerSettings, deps: ListenerDeps) {
    const { server } = door;
    this.#door = door;
    this.#settings = settings;
    this.#deps = deps;
    this.#closed = new Promise((resolve) => server.once("close", resolve));
    server.maxConnections = settings.limits.maxConnections;
    // a worker that is full refuses: handed to each other, connections would go round for ever
    Object.assign(server, { dropMaxConnection: true });
    server.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    });
    server.on(settings.tls === undefined ? "connection" : "secureConnection", (socket: Socket) => this.#welcome(socket));
    server.on("drop", this.#onDrop);
    server.on("tlsClientError", (error: Error) =>
      deps.log.write("debug", "tls_handshake_failed", { listener: settings.name, error: error.message }),
    );
  }

  get name(): string {
    return this.#settings.name;
  }

  get scheme(): "http" | "https" {
    return this.#settings.tls === undefined ? "http" : "https";
  }

  /** Where it listens, with the port the system chose. */
  get address(): { readonly host: string; readonly port: number } {
    const bound = this.#door.server.address();
    return typeof bound === "object" && bound !== null ? { host: bound.address, port: bound.port } : this.#settings.address;
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
    const context = secureContextOf(pem.value);
    if (!context.ok) return context;
    this.#door.renew(context.value);
    return ok(undefined);
  }

  /**
   * Stops accepting, answers what is under way and what still arrives within a moment, each with `connection: close`, and cuts
   * what is left after `deadlineMs`. Resolves when the last connection is gone and every exchange was told how its response went.
   */
  async drain(deadlineMs: number): Promise<void> {
    const { clock } = this.#deps;
    if (!this.#draining) {
      this.#draining = true;
      // not the HTTP server's own close: it would cut kept-alive connections over requests already on their way
      NetServer.prototype.close.call(this.#door.server);
    }
    const graceEndsMs = clock.nowMs() + Math.min(DRAIN_GRACE_MS, deadlineMs / 2);
    let stopLooking = (): void => {};
    const look = (): void => {
      if (clock.nowMs() >= graceEndsMs) this.#closeIdle();
      stopLooking = clock.after(DRAIN_LOOK_MS, look);
    };
    look();
    const stopDeadline = clock.after(deadlineMs, () => this.#cutAll());
    await this.#closed;
    await this.#noneUnderWay();
    stopLooking();
    stopDeadline();
    this.#door.closed();
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

  #closeIdle(): void {
    for (const [socket, connection] of this.#connections) if (connection.idle) socket.destroy();
  }

  #cutAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #welcome(socket: Socket): void {
    const peer: Peer = { address: plainAddress(socket.remoteAddress ?? "") ?? "unknown", tlsSubject: tlsSubject(socket) ?? "" };
    if (tlsSubject(socket) === undefined) {
      this.#deps.log.write("info", "client_certificate_refused", { listener: this.#settings.name, client_address: peer.address });
      socket.destroy();
      return;
    }
    const connection = new Connection(socket, this.#deps.clock, this.#tally);
    this.#connections.set(socket, connection);
    socket.once("close", () => this.#connections.delete(socket));
    const closing = (): boolean => this.#draining || connection.closing;
    this.#door.serve({ socket, connection, parts: { ...this.#deps, peer, settings: this.#settings, closing } });
  }

  readonly #tally: Tally = {
    begun: () => {
      this.#underWay += 1;
      this.#deps.doorkeeper?.begun(this.#settings.name);
    },
    over: () => {
      this.#underWay -= 1;
      this.#deps.doorkeeper?.over(this.#settings.name);
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

const tlsSubject = (socket: Socket): string | undefined => (socket instanceof TLSSocket ? verifiedSubject(socket) : "");
