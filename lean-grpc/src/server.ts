import { createServer, type Server as NetServer, type Socket } from "node:net";
import {
  createServer as createTlsServer,
  type SecureContextOptions,
  type Server as TlsServer,
  type TlsOptions,
  type TLSSocket,
} from "node:tls";
import { type Door, welcome } from "./door.ts";
import { STATUS } from "./grpc-status.ts";
import { defaultRoomBytes, RequestRoom } from "./request-room.ts";
import { ServerConnection } from "./server-connection.ts";
import type { ServerLimits } from "./server-connection-terms.ts";
import type { ServerStream } from "./server-stream.ts";
import type { Timers } from "./calls.ts";

/** Answers the calls of one method. Whatever it throws is answered INTERNAL and given to `onFault`. */
export type MethodHandler = (call: ServerStream, message: Buffer) => void;

/** What a server is made with. */
export interface ServerTerms {
  /** By path on the wire: `/package.Service/Method`. Others are answered UNIMPLEMENTED. */
  readonly methods: ReadonlyMap<string, MethodHandler>;
  /** Asked of each call of a known method when its headers are here; undefined: everybody may call. */
  readonly door?: Door;
  readonly limits: ServerLimits;
  /** Connections at once; further ones are closed. */
  readonly maxConnections: number;
  /** Undefined: no TLS. */
  readonly tls: TlsOptions | undefined;
  readonly timers: Timers;
  /** A bug of a handler. */
  readonly onFault: (thrown: unknown) => void;
}

/** Longest time until a connection has said who it is and that it speaks HTTP/2, milliseconds. */
const GREETING_MS = 10_000;

/** Signs of life asked of silent clients, and how long they may take, milliseconds. */
const KEEPALIVE_MS = { every: 30_000, answer: 10_000 } as const;

/** A gRPC server over our own HTTP/2: unary and server-streaming calls. */
export class GrpcServer {
  readonly #terms: ServerTerms;
  readonly #server: NetServer | TlsServer;
  /** With what forgets the timer of each. */
  readonly #connections = new Map<ServerConnection, () => void>();
  /** Those that are still at their TLS handshake too. */
  readonly #sockets = new Set<Socket>();
  readonly #room: RequestRoom;
  readonly #idle: Promise<void>;
  #isIdle = (): void => {};
  #isClosing = false;

  constructor(terms: ServerTerms) {
    this.#terms = terms;
    const { maxMessageBytes, maxUnfinishedBytes } = terms.limits;
    this.#room = new RequestRoom(maxUnfinishedBytes ?? defaultRoomBytes(maxMessageBytes));
    this.#idle = new Promise((resolve) => (this.#isIdle = resolve));
    this.#server =
      terms.tls === undefined
        ? createServer((socket) => this.#accept(socket))
        : createTlsServer({ handshakeTimeout: GREETING_MS, ...terms.tls, ALPNProtocols: ["h2"] }, (socket) =>
            this.#acceptTls(socket),
          );
    this.#server.maxConnections = terms.maxConnections;
    // a client that breaks off its handshake is no fault of ours
    this.#server.on("tlsClientError", () => {});
    this.#server.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    });
  }

  /** Resolves with the port, 0 for a path; rejects with the system's error where it cannot be bound. */
  listen(address: { readonly host: string; readonly port: number } | { readonly path: string }): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen({ ...address }, () => {
        this.#server.off("error", reject);
        // a system without free file descriptors must not end the process
        this.#server.on("error", (error) => this.#terms.onFault(error));
        const bound = this.#server.address();
        resolve(typeof bound === "object" && bound !== null ? bound.port : 0);
      });
    });
  }

  /** Certificates for connections from now on. Throws on what cannot be used. */
  renewTls(options: SecureContextOptions): void {
    if ("setSecureContext" in this.#server) this.#server.setSecureContext(options);
  }

  /** No new connections and calls; resolves when those under way are answered. */
  drain(): Promise<void> {
    this.#stopListening();
    for (const connection of [...this.#connections.keys()]) connection.drain();
    this.#tellIfIdle();
    return this.#idle;
  }

  /** Ends everything at once. */
  destroy(): void {
    this.#stopListening();
    for (const connection of [...this.#connections.keys()]) connection.destroy();
    for (const socket of this.#sockets) socket.destroy();
    this.#tellIfIdle();
  }

  #stopListening(): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    this.#server.close();
  }

  #acceptTls(socket: TLSSocket): void {
    if (socket.alpnProtocol === "h2") return this.#accept(socket);
    socket.on("error", () => {});
    socket.destroy();
  }

  #accept(socket: Socket): void {
    socket.setNoDelay(true);
    const { limits, timers } = this.#terms;
    const connection = new ServerConnection(
      socket,
      { limits, timers, room: this.#room },
      {
        onOpened: (stream) => this.#open(stream),
        onCall: (stream, message) => this.#call(stream, message),
        onClosed: () => {
          this.#connections.get(connection)?.();
          this.#connections.delete(connection);
          this.#tellIfIdle();
        },
        onFault: (thrown) => this.#terms.onFault(thrown),
      },
    );
    const forgetGreeting = timers.after(GREETING_MS, () => {
      if (connection.isGreeted) this.#keepAlive(connection);
      else connection.destroy();
    });
    this.#connections.set(connection, forgetGreeting);
    if (this.#isClosing) connection.drain();
  }

  /** A half-dead connection would otherwise look alive for ever. */
  #keepAlive(connection: ServerConnection): void {
    if (!this.#connections.has(connection)) return;
    const { timers } = this.#terms;
    const forget = timers.after(KEEPALIVE_MS.every, () => {
      this.#connections.set(
        connection,
        timers.after(KEEPALIVE_MS.answer, () => connection.destroy()),
      );
      connection.ping(() => {
        this.#connections.get(connection)?.();
        this.#keepAlive(connection);
      });
    });
    this.#connections.set(connection, forget);
  }

  #open(stream: ServerStream): void {
    const { methods, door, onFault } = this.#terms;
    if (!methods.has(stream.method)) return stream.end(UNKNOWN_METHOD);
    if (door === undefined) stream.admit("known");
    else welcome(stream, door, onFault);
  }

  #call(stream: ServerStream, message: Buffer): void {
    const handler = this.#terms.methods.get(stream.method);
    if (handler === undefined) return stream.end(UNKNOWN_METHOD);
    try {
      handler(stream, message);
    } catch (thrown) {
      stream.end({ code: STATUS.INTERNAL, details: "internal error" });
      this.#terms.onFault(thrown);
    }
  }

  #tellIfIdle(): void {
    if (this.#isClosing && this.#connections.size === 0) this.#isIdle();
  }
}

const UNKNOWN_METHOD = { code: STATUS.UNIMPLEMENTED, details: "the service does not have this method" };
