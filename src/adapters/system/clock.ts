import type { Clock } from "../../ports/clock.ts";

/** setTimeout fires at once beyond this. */
const LONGEST_DELAY_MS = 2 ** 31 - 1;

/** The clock of this machine. Its timers do not keep the process alive; a delay is clamped to 0 … about 24.8 days. */
export function systemClock(): Clock {
  return {
    nowMs: () => performance.now(),
    wallMs: () => Date.now(),
    after(delayMs, task) {
      const timer = setTimeout(task, Math.min(Math.max(delayMs, 0), LONGEST_DELAY_MS));
      timer.unref();
      return () => clearTimeout(timer);
    },
  };
}
