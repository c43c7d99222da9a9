import { createServer, type IncomingMessage, type ServerOptions, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Door, DoorParts, ServedConnection } from "../door.ts";
import { InboundExchange } from "../inbound-exchange.ts";
import type { ListenerLimits } from "../listener-settings.ts";
import { CONNECT_REFUSED, refusalOf } from "../unparsable.ts";
import { LeanMessage } from "./lean-message.ts";
import { NodeWire } from "./node-wire.ts";

/** A door over Node's own HTTP server: llhttp without leniency. */
export function nodeDoor(parts: DoorParts): Door {
  return new NodeDoor(parts);
}

class NodeDoor implements Door {
  /** Never listens: it is given connections. */
  readonly #server: ReturnType<typeof createServer>;
  readonly #parts: DoorParts;
  readonly #served = new WeakMap<Socket, ServedConnection>();

  constructor(parts: DoorParts) {
    this.#parts = parts;
    this.#server = createServer(serverOptions(parts.settings.limits));
    // Node would drop lines beyond a maximum without a word; they are counted by checkHead
    this.#server.maxHeadersCount = 0;
    for (const event of ["request", "checkContinue", "checkExpectation"]) this.#server.on(event, this.#onRequest);
    this.#server.on("connect", this.#onConnect);
    this.#server.on("clientError", this.#onClientError);
    // a server watches for late heads from when it listens
    this.#server.emit("listening");
  }

  serve(served: ServedConnection): void {
    this.#served.set(served.socket, served);
    this.#server.emit("connection", served.socket);
  }

  // stops Node's own watch over connections
  closed(): void {
    this.#server.close();
  }

  readonly #onRequest = (message: IncomingMessage, response: ServerResponse): void => {
    const served = this.#served.get(message.socket);
    if (served === undefined) return void message.socket.destroy();
    const wire = new NodeWire(message, response, this.#parts.settings.limits);
    served.connection.accept(new InboundExchange(wire, served.parts));
  };

  // Node hands over the bare connection, on which requests before this one may still be answered, and looks after it no more
  readonly #onConnect = (_message: IncomingMessage, socket: Socket): void => {
    const connection = this.#served.get(socket)?.connection;
    socket.on("error", () => {});
    socket.on("drain", () => connection?.room());
    // what comes is dropped, so that its reset is seen; an end changes nothing, the connection closes behind the response under way
    socket.resume();
    this.#parts.refuse(socket, connection, CONNECT_REFUSED);
  };

  readonly #onClientError = (error: Error & { readonly code?: string }, socket: Socket): void => {
    if (error.code === "ECONNRESET" || error.code === "EPIPE") return void socket.destroy();
    this.#parts.refuse(socket, this.#served.get(socket)?.connection, refusalOf(error.code));
  };
}

function serverOptions(limits: ListenerLimits): ServerOptions {
  return {
    IncomingMessage: LeanMessage,
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
