import type { Server, Socket } from "node:net";
import type { SecureContextOptions } from "node:tls";
import type { Refusal } from "../../model/problem.ts";
import type { Connection } from "./connection.ts";
import type { ExchangeParts } from "./inbound-exchange.ts";
import type { ListenerSettings } from "./listener-settings.ts";
import type { ListenerDeps } from "./listener-deps.ts";

/** How one codec makes exchanges of what arrives. The listener owns the door: its life, its connections, who may come in. */
export interface Door {
  /** Emits `secureConnection` where it is a TLS server, `connection` otherwise. */
  readonly server: Server;
  /** Whether new connections can be given another certificate. */
  renew(context: SecureContextOptions): void;
  /** Takes a connection whose client may speak now. */
  serve(served: ServedConnection): void;
  /** No connection is left, and none will come. */
  closed(): void;
}

/** A connection as a codec needs it. */
export interface ServedConnection {
  readonly socket: Socket;
  readonly connection: Connection;
  /** What its exchanges share. */
  readonly parts: ExchangeParts;
}

/** What a door is made of. */
export interface DoorParts {
  readonly settings: ListenerSettings;
  readonly deps: ListenerDeps;
  /** Of a TLS server; undefined: plain. */
  readonly tls: SecureDoor | undefined;
  /** What arrived is no request: told to the client, or to the exchange it belongs to, and the connection ends. */
  readonly refuse: (socket: Socket, connection: Connection | undefined, refusal: Refusal) => void;
}

/** How a TLS server identifies itself and its clients. */
export interface SecureDoor extends SecureContextOptions {
  readonly requestCert: boolean;
  readonly rejectUnauthorized: boolean;
  readonly ALPNProtocols: string[];
  readonly handshakeTimeout: number;
}
