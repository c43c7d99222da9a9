import { connectivityState, type ChannelInterface as Channel } from "@grpc/grpc-js";
import type { Clock } from "../../ports/clock.ts";

/** Longest time without a connection on one channel. The library's attempts to connect have no limit of their own, and one that hangs blocks the next. */
const CONNECT_MS = 5_000;

/** Pause before reconnecting, for a connection that lasted a while and for one that did not. */
const RECONNECT_PAUSE_MS = { lasted: 50, brief: 1_000 } as const;

/** A connection that lasts less is a sign of a service that does not stand. */
const BRIEF_MS = 5_000;

/** What happens to a connection. */
export interface ConnectionEvents {
  readonly onReady: () => void;
  readonly onLost: () => void;
  /** The channel did not connect in time: another one may. */
  readonly onStuck: () => void;
}

/** Keeps a channel connected, also without calls, and tells what happens to it. Returns the function that ends the watch. */
export function watchConnection(channel: Channel, clock: Clock, events: ConnectionEvents): () => void {
  let stopTimer = (): void => {};
  let stopped = false;
  let readyAtMs: number | undefined;
  const pauseMs = (): number =>
    readyAtMs === undefined || clock.nowMs() - readyAtMs < BRIEF_MS ? RECONNECT_PAUSE_MS.brief : RECONNECT_PAUSE_MS.lasted;
  const step = (): void => {
    stopTimer();
    if (stopped) return;
    const state = channel.getConnectivityState(false);
    const wasReady = readyAtMs !== undefined;
    if (state === connectivityState.SHUTDOWN) return;
    if (state === connectivityState.IDLE)
      stopTimer = clock.after(wasReady ? pauseMs() : 0, () => channel.getConnectivityState(true));
    else if (state !== connectivityState.READY) stopTimer = clock.after(CONNECT_MS, events.onStuck);
    readyAtMs = state === connectivityState.READY ? clock.nowMs() : undefined;
    // told last: the listener may end the watch
    channel.watchConnectivityState(state, Number.POSITIVE_INFINITY, step);
    if (readyAtMs !== undefined) events.onReady();
    else if (wasReady) events.onLost();
  };
  step();
  return () => {
    stopped = true;
    stopTimer();
  };
}
