import { createServer } from "node:http";
import { sayPort } from "./say-port.ts";

// Answers nginx's auth_request: 204 with the tenant, or 403.
const server = createServer((request, response) => {
  const tenant = request.headers["x-tenant-id"];
  if (typeof tenant !== "string" || tenant === "") response.writeHead(403).end();
  else response.writeHead(204, { "x-verified-tenant": tenant }).end();
});
server.keepAliveTimeout = 60_000;
server.listen(0, "127.0.0.1", () => sayPort(server.address()));
