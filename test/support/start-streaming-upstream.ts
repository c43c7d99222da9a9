import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";

/** A real HTTP/1.1 server whose answers the test writes piece by piece. */
export interface StreamingUpstream extends AsyncDisposable {
  readonly url: string;
  /** Connections accepted so far. */
  readonly connections: number;
}

/** Starts one on a free loopback port; `answer` is run at each request head, before any body. */
export async function startStreamingUpstream(answer: RequestListener): Promise<StreamingUpstream> {
  let connections = 0;
  const server = createServer((request, response) => {
    request.on("error", () => {});
    response.on("error", () => {});
    answer(request, response);
  });
  server.on("connection", () => (connections += 1));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo; // a listening TCP server has an AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    get connections() {
      return connections;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
