import type { Clock } from "../ports/clock.ts";

/** Resolves after so many milliseconds; at once where there are none. Keeps no process alive. */
export const pause = (clock: Clock, ms: number): Promise<void> =>
  ms <= 0 ? Promise.resolve() : new Promise((resolve) => void clock.after(ms, resolve));
