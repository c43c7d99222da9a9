import {
  createServer,
  type Http2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerOptions,
} from "node:http2";
import type { AddressInfo, Socket } from "node:net";

/** A server of Node\'s own that speaks HTTP/2 without TLS. */
export interface H2cServer extends AsyncDisposable {
  readonly url: string;
  readonly server: Http2Server;
  readonly connections: readonly Socket[];
}

/** Starts one on a free port. */
export async function startHttp2Server(
  listener: (request: Http2ServerRequest, response: Http2ServerResponse) => unknown,
  options: ServerOptions = {},
): Promise<H2cServer> {
  const connections: Socket[] = [];
  const server = createServer(options, (request, response) => void listener(request, response));
  server.on("connection", (socket: Socket) => connections.push(socket));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  // a listening TCP server's address is no pipe name
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    server,
    connections,
    async [Symbol.asyncDispose]() {
      for (const socket of connections) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** The whole body of a request. */
export async function readAllHttp2(request: Http2ServerRequest): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(Buffer.from(chunk as Buffer)); // no encoding is set
  return Buffer.concat(chunks).toString();
}
