import { type BigIntStats, lstatSync, unlinkSync } from "node:fs";
import { chmod, chown, link, lstat, mkdtemp, rm, unlink } from "node:fs/promises";
import { connect } from "node:net";
import { dirname, join, posix } from "node:path";

/** A socket to be put somewhere. */
export interface SocketPlace {
  /** Absolute. */
  readonly path: string;
  /** A group that may use the socket besides its owner; undefined: nobody else. */
  readonly group: number | undefined;
}

/**
 * Puts a listening socket at a path, mode 0600, or 0660 for one group. It is made in a directory nobody else can enter and linked to its
 * place when its mode is right, so the umask does not matter and nobody slips in before; what stands there already is never replaced, but
 * for a socket of our own that nobody listens on. Returns what takes it away again, as long as it is still ours. Throws, with the reason.
 */
export async function listenOnSocket(
  { path, group }: SocketPlace,
  bind: (path: string) => Promise<unknown>,
): Promise<() => void> {
  await checkDirectories(path);
  await clearStale(path);
  const workshop = await mkdtemp(join(dirname(path), ".sp-"));
  try {
    const made = join(workshop, "s");
    await bind(fitting(made));
    if (group !== undefined) await chown(made, process.geteuid?.() ?? -1, group);
    await chmod(made, group === undefined ? 0o600 : 0o660);
    await link(made, path);
    await unlink(made);
    const ours = await lstat(path, { bigint: true });
    return () => remove(path, ours);
  } catch (error) {
    throw new Error(`serve: cannot listen on unix://${path}: ${error instanceof Error ? error.message : "unknown error"}`, {
      cause: error,
    });
  } finally {
    await rm(workshop, { recursive: true, force: true });
  }
}

/** No gateway would trust a socket others can put their own in place of, so it is better said here. */
async function checkDirectories(path: string): Promise<void> {
  if (process.geteuid === undefined) throw new TypeError("serve: unix:// needs a system whose files have owners");
  if (posix.normalize(path) !== path || path.endsWith("/"))
    throw new TypeError(`serve: unix://${path} is not in its simplest form`);
  for (let directory = dirname(path); ; directory = dirname(directory)) {
    const found = await lstat(directory);
    if (!found.isDirectory())
      throw new Error(`serve: ${directory} is not a directory, or a link to one: no gateway would trust a socket there`);
    if ((found.mode & 0o022) !== 0)
      throw new Error(`serve: ${directory} is writable by others: no gateway would trust a socket there`);
    if (directory === dirname(directory)) return;
  }
}

/** Throws where something stands in the way that is not a dead socket of ours. */
async function clearStale(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) return;
  if (!found.isSocket()) throw new Error(`serve: ${path} is in the way, and is no socket`);
  if (found.uid !== process.geteuid?.()) throw new Error(`serve: ${path} is in the way, and belongs to uid ${found.uid}`);
  if (await isAlive(path)) throw new Error(`serve: cannot listen on unix://${path}: another process does`);
  await unlink(path);
}

/** Whether somebody listens; only a refused connection says that nobody does. */
function isAlive(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const end = (alive: boolean): void => {
      clearTimeout(impatient);
      socket.destroy();
      resolve(alive);
    };
    const impatient = setTimeout(() => end(true), 1000);
    socket.once("connect", () => end(true));
    socket.once("error", (error: NodeJS.ErrnoException) => end(error.code !== "ECONNREFUSED"));
  });
}

/** At once and without a promise: a process that is told to stop may not get another turn. */
function remove(path: string, ours: BigIntStats): void {
  try {
    const found = lstatSync(path, { bigint: true });
    if (found.dev === ours.dev && found.ino === ours.ino && found.birthtimeNs === ours.birthtimeNs) unlinkSync(path);
  } catch {
    // gone already
  }
}

/** The system cuts longer paths short, or refuses them without a word. */
function fitting(path: string): string {
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) throw new Error("its directory has too long a path for a socket");
  return path;
}

const MAX_PATH_BYTES = 107;
