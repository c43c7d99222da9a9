import { createServer, type ServerResponse } from "node:http";
import { sayPort } from "./say-port.ts";

// Takes a body of any length and says how long it was; gives one of as many bytes as `?bytes=` says.
const CHUNK = Buffer.alloc(256 * 1024, "x");

const server = createServer((request, response) => {
  if (request.method === "GET")
    return give(response, Number(new URL(request.url ?? "", "http://bulk").searchParams.get("bytes")));
  let bytes = 0;
  request.on("data", (chunk: Buffer) => (bytes += chunk.length));
  request.once("end", () => response.end(`${bytes}`));
});
server.listen(0, "127.0.0.1", () => sayPort(server.address()));

function give(response: ServerResponse, bytes: number): void {
  let left = bytes;
  const more = (): void => {
    while (left > 0) {
      left -= CHUNK.length;
      if (!response.write(left < 0 ? CHUNK.subarray(0, CHUNK.length + left) : CHUNK)) return void response.once("drain", more);
    }
    response.end();
  };
  more();
}
