import { createServer, type Socket } from "node:net";
import type { AddressInfo } from "node:net";

/** An upstream that answers with bytes of the test's choosing. */
export interface RawUpstream extends AsyncDisposable {
  readonly url: string;
  readonly connections: readonly Socket[];
  /** Everything received, a character a byte. */
  received(): string;
}

/** Starts one; `onHead` runs with each connection and what has arrived on it, as soon as a head is complete, once per head. */
export async function startRawUpstream(onHead: (socket: Socket, received: string) => void): Promise<RawUpstream> {
  const connections: Socket[] = [];
  let all = "";
  const server = createServer((socket) => {
    connections.push(socket);
    let received = "";
    let heads = 0;
    socket.on("error", () => {});
    socket.on("data", (chunk) => {
      const text = chunk.toString("latin1");
      received += text;
      all += text;
      const found = received.split("\r\n\r\n").length - 1;
      if (found > heads) onHead(socket, received);
      heads = found;
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  // a listening TCP server's address is no pipe name
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    connections,
    received: () => all,
    async [Symbol.asyncDispose]() {
      for (const socket of connections) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
