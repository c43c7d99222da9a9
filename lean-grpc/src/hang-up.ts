import type { Socket } from "node:net";
import type { Timers } from "./calls.ts";

/** Longest time for a peer to take our last words, milliseconds. */
const LAST_WORDS_MS = 2_000;

/** Ends a socket behind what was written to it; a peer that does not read on cannot keep it open. */
export function hangUp(socket: Socket, timers: Timers): void {
  if (socket.destroyed) return;
  const forget = timers.after(LAST_WORDS_MS, () => socket.destroy());
  socket.once("close", forget);
  socket.destroySoon();
}
