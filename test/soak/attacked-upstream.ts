// What is behind the gateway that is attacked, as a process of its own: small answers, and a large one for those who read slowly.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

const LARGE = Buffer.alloc(1024 * 1024, "x");

const server = createServer((request, response) => {
  request.on("error", () => {});
  response.on("error", () => {});
  if (request.url === "/large") response.end(LARGE);
  else if (request.method === "GET") response.end("ok");
  else request.resume().once("end", () => response.end("ok"));
});
server.listen(0, "127.0.0.1", () => {
  // a listening TCP server's address is no pipe name
  const { port } = server.address() as AddressInfo;
  process.send?.(port);
});
process.on("disconnect", () => process.exit(0));
