import type { Socket } from "node:net";
import type { Refusal } from "../../model/problem.ts";
import type { Connection } from "./connection.ts";
import type { ExchangeParts } from "./inbound-exchange.ts";
import type { ListenerSettings } from "./listener-settings.ts";
import type { ListenerDeps } from "./listener-deps.ts";

/** How one HTTP/1.1 codec makes exchanges of what arrives. The listener owns connections: who may come in, and when they end. */
export interface Door {
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
  /** What arrived is no request: told to the client, or to the exchange it belongs to, and the connection ends. */
  readonly refuse: (socket: Socket, connection: Connection | undefined, refusal: Refusal) => void;
}
