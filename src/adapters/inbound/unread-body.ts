import type { Clock } from "../../ports/clock.ts";
import type { BodySource } from "./exchange-wire.ts";

/** A rest this small is read, so that the connection can go on. */
export const SMALL_REST_BYTES = 64 * 1024;

/** How much of a larger rest is read, so that a client which is still sending sees the answer before the connection closes under it. */
const MAX_DRAINED_BYTES = 4 * 1024 * 1024;
const MAX_DRAIN_MS = 2_000;

/** Reads and forgets what is left of a request body: to its end, or up to a number of bytes and a time. Never rejects. */
export function drainRest(source: BodySource, clock: Clock): Promise<void> {
  if (source.gone || source.drained) return Promise.resolve();
  return new Promise((resolve) => {
    let drainedBytes = 0;
    const settle = (): void => {
      stop();
      source.ignore();
      resolve();
    };
    const stop = clock.after(MAX_DRAIN_MS, settle);
    source.listen({
      onBytes(bytes) {
        drainedBytes += bytes.byteLength;
        if (drainedBytes > MAX_DRAINED_BYTES) settle();
      },
      onEnd: settle,
      onGone: settle,
    });
    source.resume();
  });
}
