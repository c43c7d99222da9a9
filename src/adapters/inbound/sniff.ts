import type { Socket } from "node:net";
import type { Clock } from "../../ports/clock.ts";

/** What the first bytes of a connection turn out to be. */
export type Sniffed<T> =
  | { readonly kind: "more" }
  /** The first `bytes` of them are used up; the rest is read again by whoever comes next. */
  | { readonly kind: "found"; readonly value: T; readonly bytes: number }
  | { readonly kind: "refused"; readonly reason: string };

/** How first bytes are waited for. */
export interface SniffParts<T> {
  readonly look: (seen: Buffer) => Sniffed<T>;
  readonly clock: Clock;
  /** Until they must be there. */
  readonly deadlineMs: number;
  readonly onFound: (value: T) => void;
  /** The connection is not what it should be; `reason` undefined: it is gone. */
  readonly onRefused: (reason: string | undefined) => void;
}

/** Reads the first bytes of a connection until it is clear what they are; one of the two is called, once. */
export function sniff<T>(socket: Socket, { look, clock, deadlineMs, onFound, onRefused }: SniffParts<T>): void {
  let seen: Buffer = Buffer.alloc(0);
  const settle = (): void => {
    stop();
    socket.off("readable", onReadable);
    socket.off("close", onGone);
    socket.off("end", onGone);
    socket.off("error", onGone);
  };
  const onGone = (): void => {
    settle();
    onRefused(undefined);
  };
  const onReadable = (): void => {
    for (let chunk = read(socket); chunk !== null; chunk = read(socket)) seen = Buffer.concat([seen, chunk]);
    if (seen.byteLength === 0) return;
    const sniffed = look(seen);
    if (sniffed.kind === "more") return;
    settle();
    if (sniffed.kind === "refused") return onRefused(sniffed.reason);
    if (sniffed.bytes < seen.byteLength) socket.unshift(seen.subarray(sniffed.bytes));
    onFound(sniffed.value);
  };
  const stop = clock.after(deadlineMs, () => {
    settle();
    onRefused("nothing that could be told apart arrived in time");
  });
  socket.on("readable", onReadable);
  socket.once("close", onGone);
  socket.once("end", onGone);
  socket.once("error", onGone);
}

// without an encoding a socket gives buffers
const read = (socket: Socket): Buffer | null => socket.read() as Buffer | null;

const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

/** Tells HTTP/2 by prior knowledge from HTTP/1.1: by the connection preface (RFC 9113 section 3.4). Nothing is used up. */
export function httpVersionOf(seen: Buffer): Sniffed<"http1" | "http2"> {
  const length = Math.min(seen.byteLength, PREFACE.byteLength);
  if (!seen.subarray(0, length).equals(PREFACE.subarray(0, length))) return { kind: "found", value: "http1", bytes: 0 };
  return length === PREFACE.byteLength ? { kind: "found", value: "http2", bytes: 0 } : { kind: "more" };
}
