import { refusalReason } from "../../review/refusal-reason.ts";
import type { AttemptFailure } from "../endpoint-client.ts";

/** What it means for the exchange that its connection closed. Once it stood, the upstream may have acted on what it read: nothing that invites a repeat. */
export function connectionFailure(error: NodeJS.ErrnoException | undefined, wasConnecting: boolean): AttemptFailure {
  const kind = wasConnecting ? "connect" : "broken";
  const code = error?.code ?? "";
  const message = error === undefined ? "the connection was closed" : isOfTls(error) ? refusalReason(error) : messageOf(error);
  const cause = code === "" || message.includes(code) ? message : `${code}: ${message}`;
  if (code === "ETIMEDOUT") return { problem: "upstream_timeout", cause, kind };
  return { problem: wasConnecting ? "upstream_unreachable" : "upstream_invalid_response", cause, kind };
}

/** Whether the kernel refused a write whole, because the connection had been closed before. */
export const nothingWasWritten = (error: NodeJS.ErrnoException | undefined): boolean =>
  error?.syscall === "write" && (error.code === "ECONNRESET" || error.code === "EPIPE");

/** One failure where several addresses were tried: the first tells enough. */
function messageOf(error: Error): string {
  const [first] = error instanceof AggregateError ? error.errors : [];
  return first instanceof Error ? first.message : error.message;
}

/** Whether it is not the system's, but what TLS has against the other end, or it against us; a peer without a certificate's name has no code. */
const isOfTls = ({ code, syscall, message }: NodeJS.ErrnoException): boolean =>
  syscall === undefined && code !== "ECONNRESET" && (code !== undefined || message.startsWith("its certificate"));
