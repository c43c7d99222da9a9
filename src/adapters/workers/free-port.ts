import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";
import { err, ok, type Result } from "../../model/result.ts";

/** Ports no system gives to connections that go out: one that is free now stays so, unless somebody listens on it. */
const QUIET_PORTS = { first: 20_000, count: 12_000 };

/** Tries among these before the system is asked, which knows of a free one for certain. */
const TRIES = 16;

/** A port of that host that nobody listens on at this moment: this one, or any. The error is a fragment. */
export async function freePort(host: string, port = 0): Promise<Result<number, string>> {
  if (port !== 0) return listenOnce(host, port);
  for (let tries = 0; tries < TRIES; tries += 1) {
    const found = await listenOnce(host, QUIET_PORTS.first + randomInt(QUIET_PORTS.count));
    if (found.ok) return found;
  }
  return listenOnce(host, 0);
}

async function listenOnce(host: string, port: number): Promise<Result<number, string>> {
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
