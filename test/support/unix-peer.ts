import { chmod } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { Events } from "./events.ts";

/** Something that listens on a unix socket, never answers, and counts what it is told. */
export interface UnixPeer extends AsyncDisposable {
  readonly path: string;
  readonly connections: Events;
  /** Bytes received on all connections. */
  readonly bytes: number;
}

/** Starts one; only its owner may use the socket. */
export async function unixPeer(path: string, onConnection: (socket: Socket) => void = () => {}): Promise<UnixPeer> {
  const [connections, sockets] = [new Events(), new Set<Socket>()];
  let bytes = 0;
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {}).on("data", (chunk) => (bytes += chunk.length));
    onConnection(socket);
    connections.add();
  });
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(path, resolve));
  await chmod(path, 0o600);
  return {
    path,
    connections,
    get bytes() {
      return bytes;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
