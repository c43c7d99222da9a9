import cluster from "node:cluster";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import type { Clock } from "../../ports/clock.ts";
import type { ProcessEnd, WorkerProcess, WorkerProcesses } from "../../ports/worker-link.ts";
import { MessageLink } from "./message-link.ts";

/** What a worker process runs. */
const PROGRAM = fileURLToPath(new URL("../../worker.ts", import.meta.url));

/**
 * Worker processes of Node's own cluster. This process accepts every connection and hands it to the next worker in turn: they are
 * shared evenly, and none waits in the queue of a worker that dies. Messages are structured clones over a private pipe; a worker whose
 * pipe closes ends itself, so that none outlives this process. `logFd` becomes the standard output of each.
 * Node keeps one cluster per process: two gateways with workers in one process would share sockets of equal address.
 */
export function clusterProcesses({ clock, logFd }: { readonly clock: Clock; readonly logFd: number }): WorkerProcesses {
  return {
    cores: availableParallelism(),
    start() {
      cluster.schedulingPolicy = cluster.SCHED_RR;
      cluster.setupPrimary({ exec: PROGRAM, args: [], serialization: "advanced", stdio: ["ignore", logFd, "inherit", "ipc"] });
      return started(cluster.fork(), clock);
    },
  };
}

function started(forked: ReturnType<typeof cluster.fork>, clock: Clock): WorkerProcess {
  const ended = new Promise<ProcessEnd>((resolve) => {
    forked.once("exit", (code: unknown, signal: unknown) =>
      resolve({ code: typeof code === "number" ? code : null, signal: typeof signal === "string" ? signal : null }),
    );
    // one that was never made has no end; one whose pipe broke is of no use
    forked.on("error", () => {
      if (forked.process.pid === undefined) resolve({ code: null, signal: null });
      else forked.process.kill("SIGKILL");
    });
  });
  const link = new MessageLink(
    {
      send: (message) => void forked.send(plain(message), () => {}),
      onMessage: (listener) => void forked.on("message", listener),
      onClosed: (listener) => void ended.then(listener),
    },
    clock,
  );
  return { pid: forked.process.pid ?? 0, link, ended, kill: () => void forked.process.kill("SIGKILL") };
}

// our messages are plain data; Node's type of them is narrower than a structured clone
const plain = (message: unknown): object => message as object;
