import { systemClock } from "../adapters/system/clock.ts";
import { systemIds } from "../adapters/system/ids.ts";
import { pinoLog } from "../adapters/telemetry/pino-log.ts";
import type { Result } from "../model/result.ts";
import { clusterProcesses } from "../adapters/workers/cluster-processes.ts";
import { startGateway } from "./gateway.ts";
import type { RunningGateway } from "./running-gateway.ts";

/** What a command decides about a gateway it starts. */
export interface StartWish {
  readonly configFile: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly strict: boolean;
  readonly version: string;
  /** File descriptor the log goes to, closed with the gateway; undefined: standard output, which stays open. */
  readonly logFd?: number;
}

/** A gateway on the real clock, with real randomness, logging lines of JSON; they are gathered for a moment, and lost rather than waited for. */
export function startRunningGateway(wish: StartWish): Promise<Result<RunningGateway, readonly string[]>> {
  const { logFd: fd = 1, ...rest } = wish;
  const clock = systemClock();
  return startGateway({
    ...rest,
    clock,
    ids: systemIds(),
    openLog: (level, onDropped) => pinoLog({ level, destination: { fd }, onDropped }),
    workers: clusterProcesses({ clock, logFd: fd }),
  });
}
