import { randomUUID } from "node:crypto";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";

/**
 * Writes a file so that others see the old one or the whole new one, never a part, and the new one is on disk. The mode holds
 * from the first byte on, whatever the umask allows. Missing directories are made with mode 0700. Rejects with the system's error.
 */
export async function writeWhole(path: string, text: string, mode: 0o600 | 0o644): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const temporary = `${path}.${randomUUID()}.new`;
  try {
    // `wx`: never through a link that somebody put there
    await using file = await open(temporary, "wx", mode);
    await file.chmod(mode);
    await file.writeFile(text);
    await file.sync();
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
