import type { Clock } from "../ports/clock.ts";
import type { OpenTunnel, TunnelEnd, TunnelPlace, Tunnels } from "../ports/tunnels.ts";

/** WebSockets of one process. The connections of its listeners and the requests of its upstreams are usually the nearer bounds. */
export const MAX_TUNNELS = 100_000;

/** What the WebSockets of a process need from outside. */
export interface TunnelDeps {
  readonly clock: Clock;
  /** Hears of each that was open and is no more. Throws nothing. */
  readonly onEnd: (end: TunnelEnd) => void;
  /** Default: MAX_TUNNELS. */
  readonly maxTunnels?: number;
}

/** The open WebSockets of a process, and those whose upstream is being asked. */
export class OpenTunnels implements Tunnels {
  readonly #deps: TunnelDeps;
  /** With what stands for their listener. */
  readonly #open = new Map<OpenTunnel, object | undefined>();
  /** Listeners that finish. */
  readonly #leaving = new WeakSet<object>();
  #taken = 0;
  #isDraining = false;

  constructor(deps: TunnelDeps) {
    this.#deps = deps;
  }

  /** Open at present. */
  get size(): number {
    return this.#open.size;
  }

  reserve(listenerKey: object | undefined): TunnelPlace | undefined {
    if (this.#taken >= (this.#deps.maxTunnels ?? MAX_TUNNELS)) return undefined;
    this.#taken += 1;
    let tunnel: OpenTunnel | undefined;
    let isLeft = false;
    return {
      opened: (opened) => {
        tunnel = opened;
        this.#open.set(opened, listenerKey);
        // a handshake that still came is no failure: its client is told to go, and comes back to another process or listener
        if (this.#isDraining || (listenerKey !== undefined && this.#leaving.has(listenerKey))) opened.drain();
      },
      leave: (end) => {
        if (isLeft) return;
        isLeft = true;
        this.#taken -= 1;
        if (tunnel === undefined) return;
        this.#open.delete(tunnel);
        if (end !== undefined) this.#deps.onEnd(end);
      },
    };
  }

  /** Ends those that are open, one after the other over this time, so that their clients do not all come back at once, and those that still come at once. */
  drain(overMs: number): void {
    if (this.#isDraining) return;
    this.#isDraining = true;
    this.#end([...this.#open.keys()], overMs);
  }

  /** The same for those that came in by one listener. */
  drainListener(listenerKey: object, overMs: number): void {
    this.#leaving.add(listenerKey);
    const own = [...this.#open].filter(([, key]) => key === listenerKey);
    this.#end(
      own.map(([tunnel]) => tunnel),
      overMs,
    );
  }

  #end(all: readonly OpenTunnel[], overMs: number): void {
    const stepMs = overMs / Math.max(1, all.length);
    for (const [index, tunnel] of all.entries()) {
      if (index === 0) tunnel.drain();
      else this.#deps.clock.after(index * stepMs, () => tunnel.drain());
    }
  }
}
