/** Why a WebSocket ended, as the metric says it: a fixed word. */
export type TunnelEnd =
  /** One end closed it, or went away. */
  | "client"
  | "upstream"
  /** The gateway closed it: nothing was sent for too long, a message or a frame was not what it must be, the process ends. */
  | "idle"
  | "too-large"
  | "protocol"
  | "drain"
  /** The same, because of a re-review (C36). */
  | "denied"
  | "failed"
  | "route-gone";

/** An open WebSocket, as far as the process as a whole cares. */
export interface OpenTunnel {
  /** Ends it with 1001 at the next place between two frames. */
  drain(): void;
}

/** Room for one WebSocket, taken before its upstream is asked. */
export interface TunnelPlace {
  /** It stands. */
  opened(tunnel: OpenTunnel): void;
  /** It is over, or never came to be: `end` is undefined. Harmless when called again. */
  leave(end: TunnelEnd | undefined): void;
}

/** The WebSockets of a process. Bounded. */
export interface Tunnels {
  /** Undefined: there is no room for one more. `listenerKey`: it ends with this listener. */
  reserve(listenerKey: object | undefined): TunnelPlace | undefined;
}
