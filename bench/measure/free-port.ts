import { connect, createServer } from "node:net";
import { setTimeout as wait } from "node:timers/promises";

/** A loopback port nobody listens on, for programs that cannot be told to take any. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() =>
        typeof address === "object" && address !== null ? resolve(address.port) : reject(new Error("no port")),
      );
    });
  });
}

/** Resolves when something accepts connections on the loopback port; rejects after ten seconds. */
export async function listening(port: number, name: string): Promise<void> {
  for (const endMs = Date.now() + 10_000; Date.now() < endMs; await wait(50)) if (await accepts(port)) return;
  throw new Error(`${name} does not listen on port ${port}`);
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1", timeout: 1_000 });
    const settle = (accepted: boolean): void => (socket.destroy(), resolve(accepted));
    socket
      .once("connect", () => settle(true))
      .once("error", () => settle(false))
      .once("timeout", () => settle(false));
  });
}
