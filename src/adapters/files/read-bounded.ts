import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { err, ok, type Result } from "../../model/result.ts";

/** Reads a whole file of at most so many bytes, from wherever it is; see `readBounded`. */
export type ReadBytes = (path: string, maxBytes: number) => Promise<Result<Buffer, string>>;

/**
 * Reads a whole regular file of at most `maxBytes`. The error is a fragment that names the file and what is wrong, and holds
 * nothing of its content. A pipe or device is refused.
 */
export async function readBounded(path: string, maxBytes: number): Promise<Result<Buffer, string>> {
  try {
    // a pipe without a writer would otherwise block the open for ever
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stat = await file.stat();
    if (!stat.isFile()) return err(`${path} is not a regular file`);
    if (stat.size > maxBytes) return err(`${path} has ${stat.size} bytes, more than ${maxBytes}`);
    const chunks: Buffer[] = [];
    let total = 0;
    for await (const chunk of file.createReadStream({ autoClose: false, end: maxBytes })) {
      // a stream without an encoding gives buffers
      const bytes = chunk as Buffer;
      chunks.push(bytes);
      total += bytes.length;
    }
    // it may have grown since the first look
    return total > maxBytes ? err(`${path} has more than ${maxBytes} bytes`) : ok(Buffer.concat(chunks));
  } catch (error) {
    return err(`${path} cannot be read: ${errorCode(error)}`);
  }
}

/** `ENOENT` and the like; the text of a system error repeats the path and says nothing more. */
export const errorCode = (error: unknown): string =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : String(error);
