import { createServer } from "node:http";
import { UPSTREAM_BODY } from "../../upstream-body.ts";
import { sayPort } from "./say-port.ts";

// The upstream where nginx is not installed: the same answer.
const server = createServer((request, response) => {
  request.resume();
  const tenant = request.headers["x-verified-tenant"];
  response.setHeader("content-type", "application/json");
  if (typeof tenant === "string") response.setHeader("x-saw-tenant", tenant);
  response.end(UPSTREAM_BODY);
});
server.keepAliveTimeout = 300_000;
server.listen(0, "127.0.0.1", () => sayPort(server.address()));
