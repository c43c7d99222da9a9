import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";

/** An address of this machine where connecting neither succeeds nor fails. */
export interface BlackHole extends AsyncDisposable {
  readonly port: number;
}

/** A thread that listens and then never accepts: its kernel queue is as short as can be. */
const DEAF = `
const { parentPort } = require("node:worker_threads");
const server = require("node:net").createServer();
server.listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => {
  parentPort.postMessage(server.address().port);
  setTimeout(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0), 20);
});`;

/** How long a connection may take before the queue counts as full; on this machine an accepted one takes less than a millisecond. */
const QUEUED_MS = 300;

/** Starts one: a listener that accepts nobody, with its queue filled up. */
export async function startBlackHole(): Promise<BlackHole> {
  const worker = new Worker(DEAF, { eval: true });
  const port = await new Promise<number>((resolve) => worker.once("message", resolve));
  // not a wait for luck: before the thread is deaf, connections are taken, and the loop below takes another
  await sleep(100);
  const sockets: Socket[] = [];
  for (let isFull = false; !isFull && sockets.length < 64;) {
    const socket = connect({ port, host: "127.0.0.1" }).on("error", () => {});
    sockets.push(socket);
    isFull = !(await Promise.race([
      new Promise<boolean>((resolve) => socket.once("connect", () => resolve(true))),
      sleep(QUEUED_MS, false),
    ]));
  }
  return {
    port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await worker.terminate();
    },
  };
}
