import cluster from "node:cluster";
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import type { Clock } from "../../ports/clock.ts";
import type { WorkerProcess, WorkerProcesses } from "../../ports/worker-link.ts";
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
    start(worker) {
      cluster.schedulingPolicy = cluster.SCHED_RR;
      cluster.setupPrimary({ exec: PROGRAM, args: [], serialization: "advanced", stdio: ["ignore", logFd, "inherit", "ipc"] });
      return started(cluster.fork(), { clock, worker });
    },
  };
}

function started(
  forked: ReturnType<typeof cluster.fork>,
  { clock, worker }: { readonly clock: Clock; readonly worker: number },
): WorkerProcess {
  // a process that could not be made, or a pipe that broke, shows as its end
  forked.on("error", () => forked.process.kill("SIGKILL"));
  const link = new MessageLink(
    {
      send: (message) => void forked.send(plain(message), () => {}),
      onMessage: (listener) => void forked.on("message", listener),
      onClosed: (listener) => void forked.once("exit", listener),
    },
    clock,
  );
  const ended = once(forked, "exit").then(([code, signal]: readonly unknown[]) => ({
    code: typeof code === "number" ? code : null,
    signal: typeof signal === "string" ? signal : null,
  }));
  link.answer("worker", () => Promise.resolve(worker));
  return { pid: forked.process.pid ?? 0, link, ended, kill: () => void forked.process.kill("SIGKILL") };
}

// our messages are plain data; Node's type of them is narrower than a structured clone
const plain = (message: unknown): object => message as object;
