import { createServer } from "node:http";

/**
 * An upstream that is a process of its own, so that it can be killed and stopped: `node upstream-program.ts <port> <delay ms>`. Answers
 * every request with its process id after the delay, and tells its parent where it listens.
 */
const [port = "0", delayMs = "0"] = process.argv.slice(2);
const server = createServer((request, response) => {
  request.resume();
  request.on("end", () => setTimeout(() => response.end(String(process.pid)), Number(delayMs)));
});
server.listen(Number(port), "127.0.0.1", () => {
  const address = server.address();
  process.send?.(typeof address === "object" && address !== null ? address.port : 0);
});
process.on("disconnect", () => process.exit());
