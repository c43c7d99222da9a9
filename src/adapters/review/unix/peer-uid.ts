import type { Socket } from "node:net";
import { err, ok, type Result } from "../../../model/result.ts";

// Linux on these architectures; others number the option otherwise
const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
const ARCHITECTURES = ["x64", "arm64", "riscv64"];

/** `struct ucred`: process, user and group, 32 bits each. */
const UCRED = { words: 3, uidAt: 1, bytes: 12 } as const;

/**
 * Reads which user listens at the other end of a unix socket: the one who called `listen`, whoever accepts by now. Undefined where Node
 * has no `node:ffi` (before 26), forbids it, or the platform is not known here. This is the only file that knows of FFI and of a socket's file descriptor.
 */
export function systemPeerUid(): ((socket: Socket) => Result<number, string>) | undefined {
  if (process.platform !== "linux" || !ARCHITECTURES.includes(process.arch)) return undefined;
  try {
    // undefined in older versions of Node, where the next line throws
    const library = process.getBuiltinModule("node:ffi").dlopen(null, {
      getsockopt: { arguments: ["i32", "i32", "i32", "pointer", "pointer"], return: "i32" },
    });
    return (socket) =>
      readUid(socket, (fd, into, length) => library.functions.getsockopt(fd, SOL_SOCKET, SO_PEERCRED, into, length));
  } catch {
    return undefined;
  }
}

type GetPeerCredentials = (fd: number, into: Uint32Array<ArrayBuffer>, length: Uint32Array<ArrayBuffer>) => number;

function readUid(socket: Socket, getPeerCredentials: GetPeerCredentials): Result<number, string> {
  const fd = descriptorOf(socket);
  if (fd === undefined) return err("the connection has no file descriptor");
  const [credentials, length] = [new Uint32Array(UCRED.words), Uint32Array.of(UCRED.bytes)];
  const isRead = getPeerCredentials(fd, credentials, length) === 0 && length[0] === UCRED.bytes;
  const uid = credentials[UCRED.uidAt];
  return isRead && uid !== undefined ? ok(uid) : err("the system did not tell the peer's user");
}

/** Node keeps it to itself: `_handle.fd`, -1 once closed. */
function descriptorOf(socket: Socket): number | undefined {
  const handle: unknown = Reflect.get(socket, "_handle");
  if (typeof handle !== "object" || handle === null) return undefined;
  const fd: unknown = Reflect.get(handle, "fd");
  return typeof fd === "number" && fd >= 0 ? fd : undefined;
}
