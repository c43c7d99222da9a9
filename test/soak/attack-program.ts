// An attacker as a process of its own: keeps so many connections doing one thing, and makes another for each that is ended.
import { connect, type Socket } from "node:net";
import { ATTACKS, type Attack } from "./attacks.ts";

const [name = "", port = "0", connections = "1"] = process.argv.slice(2);
const attack: Attack | undefined = ATTACKS[name];
if (attack === undefined) throw new Error(`no attack: ${name}`);

const told = { opened: 0, ended: 0 };
let isOver = false;
const open = new Set<Socket>();

function begin(index: number): void {
  if (isOver) return;
  const socket = connect({ port: Number(port), host: "127.0.0.1", noDelay: true });
  const stop = new AbortController();
  let isCounted = false;
  socket.on("error", () => {});
  socket.once("connect", () => {
    told.opened += 1;
    isCounted = true;
    open.add(socket);
    attack?.(socket, { index, signal: stop.signal });
  });
  socket.once("close", () => {
    stop.abort();
    open.delete(socket);
    if (isCounted && !isOver) told.ended += 1;
    setTimeout(() => begin(index), 50);
  });
}

for (let i = 0; i < Number(connections); i += 1) setTimeout(() => begin(i), i);
process.on("message", () => process.send?.({ ...told, open: open.size }));
process.on("disconnect", () => {
  isOver = true;
  process.exit(0);
});
