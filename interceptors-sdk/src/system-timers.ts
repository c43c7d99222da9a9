import type { Timers } from "@sallyport/lean-grpc/calls.ts";

/** The clock and timers of this machine; its timers do not keep the process alive. */
export const systemTimers: Timers = {
  nowMs: () => performance.now(),
  after(delayMs, work) {
    const timer = setTimeout(work, delayMs).unref();
    return () => clearTimeout(timer);
  },
};
