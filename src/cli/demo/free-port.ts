import { createServer, type AddressInfo } from "node:net";

/** `wanted` if nobody listens there on loopback, else a port the system says is free. Another process may still be quicker. */
export async function freePort(wanted: number): Promise<number> {
  return (await tryPort(wanted)) ?? (await tryPort(0)) ?? wanted;
}

function tryPort(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(undefined));
    server.listen(port, "127.0.0.1", () => {
      const bound = (server.address() as AddressInfo).port; // a listening TCP server has an AddressInfo
      server.close(() => resolve(bound));
    });
  });
}
