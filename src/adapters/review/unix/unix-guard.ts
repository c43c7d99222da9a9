import type { Socket } from "node:net";
import { err, ok, type Result } from "../../../model/result.ts";
import type { ConnectionGuard } from "../guarded-credentials.ts";
import { checkSocket, type SocketTrust } from "./check-socket.ts";
import type { SocketFacts } from "./socket-facts.ts";

/** Whom a unix endpoint trusts, as the operator says it. */
export interface UnixTrust {
  /** Undefined: the gateway's own user. */
  readonly trustedUids: readonly number[] | undefined;
  readonly trustedGids: readonly number[];
  /** What a machine that does not tell the peer's user means: a refusal, or that the files alone decide. */
  readonly peerCredentials: "required" | "if-available";
}

/** Guards connections to a unix socket (C39): the files before each connect, the same files and the peer's user after it. */
export function unixGuard(path: string, trust: UnixTrust, facts: SocketFacts): ConnectionGuard {
  const uids = trust.trustedUids ?? (facts.ownUid === undefined ? [] : [facts.ownUid]);
  const check = (): Promise<Result<string, string>> =>
    checkSocket(path, { uids, gids: trust.trustedGids } satisfies SocketTrust, facts);
  let running: Promise<Result<string, string>> | undefined;
  // one at a time: where the file system hangs it holds one thread of the process, not one more with every attempt
  const checkOnce = (): Promise<Result<string, string>> => (running ??= check().finally(() => (running = undefined)));
  return {
    async before() {
      if (facts.peerUid === undefined && trust.peerCredentials === "required") {
        return err("unix peer: peer_credentials is required, and this machine does not tell who listens");
      }
      const before = await checkOnce();
      if (!before.ok) return before;
      return ok(async (socket) => {
        const after = await check();
        if (!after.ok) return after;
        if (after.value !== before.value) return err(`unix socket ${path}: was replaced while the connection was made`);
        return peerProblem(socket, uids, facts);
      });
    },
  };
}

function peerProblem(socket: Socket, uids: readonly number[], { peerUid }: SocketFacts): Result<void, string> {
  const uid = peerUid?.(socket) ?? ok(undefined);
  if (!uid.ok) return err(`unix peer: ${uid.error}`);
  if (uid.value === undefined || uids.includes(uid.value)) return ok(undefined);
  return err(`unix peer: listens as uid ${uid.value}, which is not in trusted_uids`);
}
