import { systemClock } from "../adapters/system/clock.ts";
import { systemIds } from "../adapters/system/ids.ts";
import { pinoLog } from "../adapters/telemetry/pino-log.ts";
import type { Result } from "../model/result.ts";
import { startGateway, type RunningGateway } from "./gateway.ts";

/** What a command decides about a gateway it starts. */
export interface StartWish {
  readonly configFile: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly strict: boolean;
  readonly version: string;
  /** Takes log lines; undefined: standard output, buffered. */
  readonly writeLine?: (line: string) => void;
}

/** A gateway on the real clock, with real randomness, logging lines of JSON. */
export function startRunningGateway(wish: StartWish): Promise<Result<RunningGateway, readonly string[]>> {
  const { writeLine, ...rest } = wish;
  return startGateway({
    ...rest,
    gatewayId: "sallyport",
    clock: systemClock(),
    ids: systemIds(),
    openLog: (level) => pinoLog({ level, ...(writeLine === undefined ? {} : { destination: { line: writeLine } }) }),
  });
}
