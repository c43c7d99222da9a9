import { systemClock } from "../../adapters/system/clock.ts";
import { systemIds } from "../../adapters/system/ids.ts";
import { pinoLog } from "../../adapters/telemetry/pino-log.ts";
import { MessageLink } from "../../adapters/workers/message-link.ts";
import { parentPipe, workerSignals } from "../../adapters/workers/parent-pipe.ts";
import { serveAsWorker } from "./data-worker.ts";

/**
 * Makes this process a worker of the one that started it: on the real clock, its log going to standard output. Ctrl-C and SIGHUP reach
 * all processes of a terminal and are the control process's to act on; SIGTERM has this worker replaced, and then drained.
 */
export function serveAsWorkerProcess(): void {
  const clock = systemClock();
  const { leave } = serveAsWorker({
    link: new MessageLink(parentPipe(), clock),
    clock,
    ids: systemIds(),
    openLog: (level, worker, onDropped) => pinoLog({ level, worker, onDropped }),
    end: workerSignals({ onTerminate: () => leave() }),
  });
}
