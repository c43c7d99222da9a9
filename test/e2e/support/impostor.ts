import { createServer as createTcpServer, type AddressInfo, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";

/** A peer that is not the one it is taken for, and what it got to see. */
export interface Impostor extends AsyncDisposable {
  readonly port: number;
  /** Connections that were tried. */
  readonly connections: number;
  /** Bytes of application data received: what came through TLS, or, where it speaks none, everything. */
  readonly bytes: Buffer;
}

/** Starts one on a free port, or on one somebody else has just left. Without a certificate it speaks no TLS at all. */
export async function impostor(
  certificate: { readonly cert: string; readonly key: string } | undefined,
  port = 0,
): Promise<Impostor> {
  const state = { connections: 0, chunks: [] as Buffer[] };
  const sockets = new Set<Socket>();
  const take = (socket: Socket): void => {
    socket.on("error", () => {});
    socket.on("data", (chunk: Buffer) => state.chunks.push(chunk));
  };
  const server: Server =
    certificate === undefined ? createTcpServer(take) : createTlsServer({ ...certificate, ALPNProtocols: ["h2"] }, take);
  server.on("connection", (socket: Socket) => {
    state.connections += 1;
    sockets.add(socket.on("error", () => {}).on("close", () => sockets.delete(socket)));
  });
  server.on("tlsClientError", () => {});
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(port, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port, // a listening TCP server has an AddressInfo
    get connections() {
      return state.connections;
    },
    get bytes() {
      return Buffer.concat(state.chunks);
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
