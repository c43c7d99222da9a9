import { createServer, type ServerResponse } from "node:http";
import { EVENT_PAUSE_MS, eventAt, wallMs } from "./event-stream.ts";
import { sayPort } from "./say-port.ts";

// Every stream gets the same event at the same time, as when news go out to many.
const streams = new Set<ServerResponse>();
const server = createServer((request, response) => {
  request.resume();
  // nginx would gather events otherwise
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store", "x-accel-buffering": "no" });
  response.flushHeaders();
  streams.add(response);
  response.once("close", () => streams.delete(response));
});
setInterval(() => {
  const event = eventAt(wallMs());
  for (const stream of streams) if (!stream.writableNeedDrain) stream.write(event);
}, EVENT_PAUSE_MS);
server.listen(0, "127.0.0.1", () => sayPort(server.address()));
