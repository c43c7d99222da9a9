import { lstat } from "node:fs/promises";
import type { Socket } from "node:net";
import { err, ok, type Result } from "../../../model/result.ts";
import { systemPeerUid } from "./peer-uid.ts";

/** One file as it stands, links not followed. */
export interface FileFacts {
  readonly kind: "directory" | "socket" | "symbolic link" | "other";
  readonly uid: number;
  readonly gid: number;
  /** Permission bits, sticky and set-id bits included. */
  readonly mode: number;
  /** Equal for one and the same file: device, inode, and when it was made, because inodes are used again. */
  readonly identity: string;
}

/** What a check of a unix socket asks the machine. */
export interface SocketFacts {
  /** The user this process acts as; undefined on systems whose files have no owner. */
  readonly ownUid: number | undefined;
  /** The error is the system's code, such as `ENOENT`. */
  lstat(path: string): Promise<Result<FileFacts, string>>;
  /** The user who listens at the other end; undefined where the machine cannot tell. */
  readonly peerUid: ((socket: Socket) => Result<number, string>) | undefined;
}

/** The facts of this machine. */
export function systemSocketFacts(): SocketFacts {
  return { ownUid: process.geteuid?.(), lstat: fileFacts, peerUid: systemPeerUid() };
}

async function fileFacts(path: string): Promise<Result<FileFacts, string>> {
  try {
    const found = await lstat(path, { bigint: true });
    const [uid, gid, mode] = [Number(found.uid), Number(found.gid), Number(found.mode & 0o7777n)];
    return ok({ kind: kindOf(found), uid, gid, mode, identity: `${found.dev}:${found.ino}:${found.birthtimeNs}` });
  } catch (error) {
    return err(error instanceof Error && "code" in error ? String(error.code) : "unreadable");
  }
}

function kindOf(found: { isDirectory(): boolean; isSocket(): boolean; isSymbolicLink(): boolean }): FileFacts["kind"] {
  if (found.isSymbolicLink()) return "symbolic link";
  if (found.isDirectory()) return "directory";
  return found.isSocket() ? "socket" : "other";
}
