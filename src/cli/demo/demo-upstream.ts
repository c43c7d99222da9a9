import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** A service that tells what reached it. */
export interface DemoUpstream extends AsyncDisposable {
  readonly port: number;
}

/** Starts an upstream on a free loopback port; it answers every request with what it was sent. */
export async function startDemoUpstream(): Promise<DemoUpstream> {
  const server = createServer((request, response) => {
    request.resume();
    const { "x-verified-tenant": tenant, "x-request-id": requestId, authorization } = request.headers;
    const told = {
      upstream: "orders",
      saw: {
        method: request.method,
        path: request.url,
        "x-verified-tenant": tenant,
        "x-request-id": requestId,
        authorization: authorization ?? "(none)",
      },
    };
    response.setHeader("content-type", "application/json");
    response.end(`${JSON.stringify(told)}\n`);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo; // a listening TCP server has an AddressInfo
  return {
    port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
