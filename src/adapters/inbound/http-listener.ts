import { createServer, type IncomingMessage, type Server, type ServerOptions, type ServerResponse } from "node:http";
import { createServer as createTlsServer, type Server as TlsServer } from "node:https";
import { Server as NetServer, type Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { BodyFailure } from "../../model/body-failure.ts";
import { renderProblem } from "../../model/problem-body.ts";
import type { Refusal } from "../../model/problem.ts";
import { ok, type Result } from "../../model/result.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Ids } from "../../ports/ids.ts";
import type { Handle } from "../../ports/inbound.ts";
import type { Log } from "../../ports/log.ts";
import { plainAddress } from "../../support/cidr.ts";
import { closeGently, Connection, type Tally } from "./connection.ts";
import { InboundExchange, type ExchangeParts, type Peer } from "./inbound-exchange.ts";
import type { ListenerSettings, ListenerTls } from "./listener-settings.ts";
import { clientCertOptions, secureContextOf, verifiedSubject } from "./tls-context.ts";
import { refusalOf, serialise } from "./unparsable.ts";

/** What a listener needs from outside. */
export interface ListenerDeps {
  readonly handle: Handle;
  readonly log: Log;
  readonly clock: Clock;
  readonly ids: Ids;
}

/** How long connections without a request may still bring one when draining begins. */
const DRAIN_GRACE_MS = 1_000;

/** How often draining looks for connections that fell idle. */
const DRAIN_LOOK_MS = 100;

/** How long exchanges may take to end when their connections are gone. */
const SETTLE_MS = 1_000;

/** Longest silence between two log lines about connections beyond the maximum. */
const REFUSED_LOG_MS = 10_000;

/**
 * An HTTP/1.1 door over Node's own server, listening when the promise resolves; rejects when it cannot, naming the listener.
 * Strictness is llhttp's without leniency, and `checkHead` on top. What does not parse is answered here, with a problem and a
 * closed connection, and never reaches `handle`.
 */
export async function httpListener(settings: ListenerSettings, deps: ListenerDeps): Promise<HttpListener> {
  const server = settings.tls === undefined ? createServer(serverOptions(settings)) : await tlsServer(settings, settings.tls);
  const listener = new HttpListener(server, settings, deps);
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) =>
      reject(new Error(`listener ${settings.name} cannot listen: ${error.message}`, { cause: error })),
    );
    server.listen({ host: settings.address.host, port: settings.address.port }, resolve);
  });
  server.on("error", (error) => deps.log.write("error", "listener_failed", { listener: settings.name, error: error.message }));
  return listener;
}

/** A listening door. Disposing closes it at once. */
export class HttpListener implements AsyncDisposable {
  readonly #server: Server | TlsServer;
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

  constructor(server: Server | TlsServer, settings: ListenerSettings, deps: ListenerDeps) {
    this.#server = server;
    this.#settings = settings;
    this.#deps = deps;
    this.#closed = new Promise((resolve) => server.once("close", resolve));
    server.maxConnections = settings.limits.maxConnections;
    // a worker that is full refuses: handed to each other, connections would go round for ever
    Object.assign(server, { dropMaxConnection: true });
    // Node would drop lines beyond a maximum without a word; they are counted by checkHead
    server.maxHeadersCount = 0;
    server.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    });
    server.on(settings.tls === undefined ? "connection" : "secureConnection", (socket: Socket) => this.#welcome(socket));
    for (const event of ["request", "checkContinue", "checkExpectation"]) server.on(event, this.#onRequest);
    server.on("connect", this.#onConnect);
    server.on("clientError", this.#onClientError);
    server.on("drop", this.#onDrop);
    server.on("tlsClientError", (error) =>
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
    const bound = this.#server.address();
    return typeof bound === "object" && bound !== null ? { host: bound.address, port: bound.port } : this.#settings.address;
  }

  /** Open client connections. */
  get connectionCount(): number {
    return this.#sockets.size;
  }

  /** Reads the certificate files again and uses them for new connections. On an error the old ones stay. */
  async renewCertificates(): Promise<Result<void>> {
    const { tls } = this.#settings;
    if (tls === undefined || !("setSecureContext" in this.#server)) return ok(undefined);
    const pem = await tls.readPem();
    if (!pem.ok) return pem;
    const context = secureContextOf(pem.value);
    if (!context.ok) return context;
    this.#server.setSecureContext(context.value);
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
      NetServer.prototype.close.call(this.#server);
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
    // stops Node's own watch over connections
    this.#server.close();
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
    this.#parts.set(connection, {
      ...this.#deps,
      peer,
      settings: this.#settings,
      closing: () => this.#draining || connection.closing,
    });
    socket.once("close", () => this.#connections.delete(socket));
  }

  readonly #tally: Tally = {
    begun: () => void (this.#underWay += 1),
    over: () => {
      this.#underWay -= 1;
      if (this.#underWay === 0) for (const resolve of this.#awaitingNone.splice(0)) resolve();
    },
  };

  readonly #parts = new WeakMap<Connection, ExchangeParts>();

  readonly #onRequest = (message: IncomingMessage, response: ServerResponse): void => {
    const connection = this.#connections.get(message.socket);
    const parts = connection === undefined ? undefined : this.#parts.get(connection);
    if (connection === undefined || parts === undefined) return void message.socket.destroy();
    connection.accept(new InboundExchange(message, response, parts));
  };

  // Node hands over the bare connection: there is no response object
  readonly #onConnect = (_message: IncomingMessage, socket: Socket): void => {
    socket.on("error", () => {});
    this.#answerBare(socket, { problem: "method_not_allowed", detail: "CONNECT is not answered here." });
  };

  readonly #onClientError = (error: Error & { readonly code?: string }, socket: Socket): void => {
    const connection = this.#connections.get(socket);
    if (socket.destroyed || !socket.writable || connection === undefined || error.code === "ECONNRESET" || error.code === "EPIPE")
      return void socket.destroy();
    const refusal = refusalOf(error.code);
    // a response is being made: bytes of another one would be taken for it
    if (connection.busy)
      return connection.poison(
        new BodyFailure(refusal.problem === "request_timeout" ? "request_timeout" : "bad_request", refusal.detail),
      );
    if (!connection.closing) this.#answerBare(socket, refusal);
    connection.poison(new BodyFailure("bad_request", refusal.detail));
  };

  #answerBare(socket: Socket, refusal: Refusal): void {
    const { log, ids, clock } = this.#deps;
    const requestId = ids.requestId();
    const clientAddress = plainAddress(socket.remoteAddress ?? "");
    log.write("info", "request_refused", {
      listener: this.#settings.name,
      client_address: clientAddress,
      request_id: requestId,
      code: refusal.problem,
      detail: refusal.detail,
    });
    socket.write(serialise(renderProblem(refusal, { requestId })));
    closeGently(socket, clock);
  }

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

async function tlsServer(settings: ListenerSettings, tls: ListenerTls): Promise<TlsServer> {
  const pem = await tls.readPem();
  const context = pem.ok ? secureContextOf(pem.value) : pem;
  if (!context.ok) throw new Error(`listener ${settings.name} has no usable certificate: ${context.error}`);
  return createTlsServer({
    ...serverOptions(settings),
    ...context.value,
    ...clientCertOptions(tls),
    ALPNProtocols: ["http/1.1"],
    handshakeTimeout: settings.limits.headerTimeoutMs,
  });
}

function serverOptions({ limits }: ListenerSettings): ServerOptions {
  return {
    insecureHTTPParser: false,
    // Node counts the request line too
    maxHeaderSize: limits.maxHeaderBytes + limits.maxUriBytes,
    headersTimeout: limits.headerTimeoutMs,
    connectionsCheckingInterval: Math.min(1_000, Math.max(20, Math.ceil(limits.headerTimeoutMs / 4))),
    // bodies are watched by RequestBody
    requestTimeout: 0,
    keepAliveTimeout: limits.idleMs,
    // its absence is answered with a problem, not with an empty 400
    requireHostHeader: false,
    noDelay: true,
    // a body nobody reads yet waits in pieces as small as its sender cut them: one byte each makes 64 KiB cost 29 MB, this 11 MB (2026-11)
    highWaterMark: 16 * 1024,
    optimizeEmptyRequests: true,
    // an Upgrade is ignored: what follows is HTTP
    shouldUpgradeCallback: () => false,
  };
}
