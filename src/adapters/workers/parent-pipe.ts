import type { MessagePipe } from "./message-link.ts";

/** The pipe to the process that started this one. Where there is none, nothing is sent and nobody is heard. */
export const parentPipe = (): MessagePipe => ({
  send: (message) => void process.send?.(message, undefined, undefined, () => {}),
  onMessage: (listener) => void process.on("message", listener),
  onClosed: (listener) => void process.once("disconnect", listener),
});

/** Signals of a worker: it leaves those that reach a whole terminal to the control process. Returns what ends this process. */
export function workerSignals({ onTerminate }: { readonly onTerminate: () => void }): () => void {
  for (const signal of ["SIGINT", "SIGHUP"] as const) process.on(signal, () => {});
  process.on("SIGTERM", onTerminate);
  // behind the answer to whoever asked for it
  return () => void setImmediate(() => process.exit(0));
}
