import { lstat, unlink } from "node:fs/promises";
import { connect } from "node:net";
import { err, ok, type Result } from "../../model/result.ts";
import type { Clock } from "../../ports/clock.ts";

/** How long somebody may take to accept a connection, before he counts as there. */
const ANSWER_MS = 1_000;

/**
 * Makes room for a socket at a path: what a gateway left that was killed is removed. Errs where anything but a socket is there, or
 * where somebody listens; the error is a fragment.
 */
export async function roomForSocket(path: string, clock: Clock): Promise<Result<void, string>> {
  try {
    if (!(await lstat(path)).isSocket()) return err(`${path} exists and is no socket`);
    const answer = await knock(path, clock);
    if (answer !== "nobody") return err(answer === "somebody" ? `something else listens on ${path}` : `${path}: ${answer}`);
    await unlink(path);
    return ok(undefined);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return ok(undefined);
    return err(error instanceof Error ? error.message : String(error));
  }
}

/** Whether anybody listens; whatever else stands in the way, by its code. */
function knock(path: string, clock: Clock): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const socket = connect({ path });
  const stop = clock.after(ANSWER_MS, () => resolve("somebody"));
  socket.once("connect", () => resolve("somebody"));
  socket.once("error", (error) => {
    const code = codeOf(error);
    resolve(code === "ECONNREFUSED" || code === "ENOENT" ? "nobody" : code);
  });
  return promise.finally(() => {
    stop();
    socket.destroy();
  });
}

const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "unknown";
