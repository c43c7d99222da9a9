import { dirname, posix } from "node:path";
import { err, ok, type Result } from "../../../model/result.ts";
import type { FileFacts, SocketFacts } from "./socket-facts.ts";

/** Who may stand behind a socket (C39). */
export interface SocketTrust {
  /** Owners of the socket and, with root, of every directory above it. */
  readonly uids: readonly number[];
  /** Groups the socket may be writable by. */
  readonly gids: readonly number[];
}

/** Longest path a socket can be bound to, bytes: `sun_path` less its end. Linux; other systems allow less and refuse themselves. */
const MAX_PATH_BYTES = 107;

const WRITABLE = { byGroup: 0o020, byOthers: 0o002 } as const;

/**
 * Whether nobody but root and the trusted can have put the socket there or can replace it: the path, every directory from `/` down, the
 * socket itself. Gives the socket's identity, by which a second check knows it again. The error names the file and what is wrong with it.
 */
export async function checkSocket(
  path: string,
  trust: SocketTrust,
  { lstat }: Pick<SocketFacts, "lstat">,
): Promise<Result<string, string>> {
  const wrongPath = pathProblem(path);
  if (wrongPath !== undefined) return err(`unix socket: ${wrongPath}`);
  for (const directory of directoriesAbove(path)) {
    const found = await lstat(directory);
    const problem = found.ok ? directoryProblem(found.value, trust) : missing(found.error);
    if (problem !== undefined) return err(`unix socket directory ${directory}: ${problem}`);
  }
  const found = await lstat(path);
  if (!found.ok) return err(`unix socket ${path}: ${missing(found.error)}`);
  const problem = socketProblem(found.value, trust);
  return problem === undefined ? ok(found.value.identity) : err(`unix socket ${path}: ${problem}`);
}

function pathProblem(path: string): string | undefined {
  if (path.includes("\0")) return "an abstract socket belongs to nobody";
  if (!path.startsWith("/")) return "the path is not absolute";
  // whoever reads the path must see every directory that is checked
  if (posix.normalize(path) !== path || path.endsWith("/")) return "the path is not in its simplest form";
  return Buffer.byteLength(path) > MAX_PATH_BYTES ? `the path is longer than ${MAX_PATH_BYTES} bytes` : undefined;
}

/** From `/` down. */
function directoriesAbove(path: string): readonly string[] {
  const parent = dirname(path);
  return parent === path ? [] : [...directoriesAbove(parent), parent];
}

/** A sticky bit does not help: what it protects can still be made before its owner does. */
function directoryProblem({ kind, uid, mode }: FileFacts, { uids }: SocketTrust): string | undefined {
  if (kind !== "directory") return kind === "symbolic link" ? "is a symbolic link" : "is not a directory";
  if (uid !== 0 && !uids.includes(uid)) return `belongs to uid ${uid}, which is neither root nor in trusted_uids`;
  if ((mode & WRITABLE.byOthers) !== 0) return "is writable by others";
  return (mode & WRITABLE.byGroup) === 0 ? undefined : "is writable by its group";
}

function socketProblem({ kind, uid, gid, mode }: FileFacts, { uids, gids }: SocketTrust): string | undefined {
  if (kind !== "socket") return kind === "symbolic link" ? "is a symbolic link" : "is not a socket";
  if (!uids.includes(uid)) return `belongs to uid ${uid}, which is not in trusted_uids`;
  if ((mode & WRITABLE.byOthers) !== 0) return "is writable by others";
  if ((mode & WRITABLE.byGroup) !== 0 && !gids.includes(gid)) return `is writable by group ${gid}, which is not in trusted_gids`;
  return undefined;
}

const missing = (code: string): string => (code === "ENOENT" ? "does not exist" : `cannot be looked at (${code})`);
