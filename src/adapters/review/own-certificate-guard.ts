import { err, ok } from "../../model/result.ts";
import type { Clock } from "../../ports/clock.ts";
import type { ConnectionGuard } from "./guarded-credentials.ts";

/**
 * Makes no connection with a certificate of ours that has expired: the peer would refuse it after the handshake, where nobody can tell
 * any more why the connection was lost. `inner` has its say after it.
 */
export function ownCertificateGuard(
  endsMs: number,
  clock: Pick<Clock, "wallMs">,
  inner: ConnectionGuard | undefined,
): ConnectionGuard {
  return {
    async before() {
      if (clock.wallMs() >= endsMs)
        return err(`TLS: our own certificate (cert_file) has expired on ${new Date(endsMs).toISOString()}`);
      return inner === undefined ? ok(async () => ok(undefined)) : inner.before();
    },
  };
}
