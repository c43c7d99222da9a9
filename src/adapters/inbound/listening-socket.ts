import { chmod } from "node:fs/promises";
import { Server, type Socket } from "node:net";
import type { ListeningAddress } from "./listener-settings.ts";

/** What is held of a body nobody reads yet: pieces as small as its sender cut them, where one byte each makes 64 KiB cost 29 MB, 16 KiB 11 (2026-11). */
const READ_BYTES = 16 * 1024;

/** Where a listener can be reached. */
export interface ListeningPlace {
  readonly host: string;
  readonly port: number;
  /** Of a unix socket; host and port are then empty. */
  readonly path?: string;
}

/** Who takes the connections of a listening socket. */
export interface SocketOwner {
  readonly maxConnections: number;
  take(socket: Socket): void;
  /** A connection was refused, for there are too many. */
  onDrop(): void;
  onError(error: Error): void;
}

/**
 * A socket that listens, whoever takes its connections: a changed listener takes over the socket of the one before it, so that nobody
 * is refused in between. Connections that come before there is an owner wait for it.
 */
export class ListeningSocket {
  readonly #server: Server;
  readonly #address: ListeningAddress;
  readonly #early: Socket[] = [];
  #owner: SocketOwner | undefined;

  /** Listens when the promise resolves; rejects when it cannot. */
  static async open(address: ListeningAddress): Promise<ListeningSocket> {
    const socket = new ListeningSocket(address);
    try {
      await socket.#listen();
      return socket;
    } catch (error) {
      socket.#server.close();
      throw error;
    }
  }

  private constructor(address: ListeningAddress) {
    this.#address = address;
    // half open, because a client that sends no more may still be told why its half of a request is refused
    this.#server = new Server({ noDelay: true, allowHalfOpen: true, highWaterMark: READ_BYTES });
    this.#server.maxConnections = EARLY_CONNECTIONS;
    // a worker that is full refuses: handed to each other, connections would go round for ever
    Object.assign(this.#server, { dropMaxConnection: true });
    this.#server.on("connection", (socket: Socket) => {
      if (this.#owner !== undefined) return this.#owner.take(socket);
      // nobody else listens yet to how it fares
      socket.on("error", () => {});
      this.#early.push(socket);
    });
    this.#server.on("drop", () => this.#owner?.onDrop());
  }

  /** The address it was opened with, and the port the system chose. */
  get place(): ListeningPlace {
    const bound = this.#server.address();
    if (typeof bound === "object" && bound !== null) return { host: bound.address, port: bound.port };
    return "path" in this.#address ? { host: "", port: 0, path: this.#address.path } : this.#address;
  }

  /** Connections are this one's from now on; those it had before stay with whoever took them. */
  give(owner: SocketOwner): void {
    this.#owner = owner;
    this.#server.maxConnections = owner.maxConnections;
    for (const socket of this.#early.splice(0)) if (!socket.destroyed) owner.take(socket);
  }

  /** Listens no more, unless it was given to somebody else meanwhile. */
  leave(owner: SocketOwner | undefined): void {
    if (this.#owner !== owner) return;
    this.#server.close();
    for (const socket of this.#early.splice(0)) socket.destroy();
  }

  async #listen(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const address = this.#address;
    this.#server.once("error", reject);
    this.#server.listen("path" in address ? { path: address.path } : { host: address.host, port: address.port }, resolve);
    await promise;
    this.#server.off("error", reject);
    this.#server.on("error", (error) => this.#owner?.onError(error));
    // until then the process's mask holds, which lets nobody else write
    if ("path" in address) await chmod(address.path, address.mode);
  }
}

/** Most connections that wait for an owner; there is none for the moment a configuration is taken up only. */
const EARLY_CONNECTIONS = 1_000;
