import { createServer } from "node:http";

/** Answers with as many bytes as the first argument says; tells its parent the port. */
const body = Buffer.alloc(Number(process.argv[2] ?? 1024), "x");

const server = createServer((request, response) => {
  request.resume();
  response.writeHead(200, { "content-type": "application/json", "content-length": body.byteLength, "x-request-id": "1" });
  response.end(body);
});
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  if (typeof address === "object") process.send?.(address?.port);
});
process.once("disconnect", () => process.exit());
