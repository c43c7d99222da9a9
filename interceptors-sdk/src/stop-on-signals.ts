import type { Log } from "./log.ts";

/** On SIGTERM or SIGINT closes, then lets the process end; a second signal ends it at once. */
export function stopOnSignals(close: () => Promise<void>, log: Log): void {
  const stop = (signal: NodeJS.Signals): void => {
    for (const name of SIGNALS) process.off(name, stop);
    log({ level: "info", message: "stopping", signal });
    void close().then(() => {
      log({ level: "info", message: "stopped" });
      // the process ends by itself; something else that keeps it alive gets a second, then it ends all the same
      setTimeout(() => process.exit(0), 1000).unref();
    });
  };
  for (const name of SIGNALS) process.on(name, stop);
}

const SIGNALS = ["SIGTERM", "SIGINT"] as const;
