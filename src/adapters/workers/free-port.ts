import { once } from "node:events";
import { createServer } from "node:net";
import { err, ok, type Result } from "../../model/result.ts";

/** A port of that host that nobody listens on at this moment: this one, or whichever the system chooses. The error is a fragment. */
export async function freePort(host: string, port = 0): Promise<Result<number, string>> {
  const server = createServer();
  try {
    const listening = once(server, "listening");
    server.listen({ host, port, exclusive: true });
    await listening;
    const bound = server.address();
    return typeof bound === "object" && bound !== null ? ok(bound.port) : err(`${host} has no ports`);
  } catch (error) {
    return err(error instanceof Error ? error.message : "cannot listen");
  } finally {
    server.close();
  }
}
