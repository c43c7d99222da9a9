import type { ByteStream } from "./byte-stream.ts";

/** The way to the upstream on a connection that has changed its protocol. What the upstream sends is the response's body. */
export interface Tunnel {
  /**
   * Lets flow what the client sends from now on; once, and not before its 101 is written (C26). Who cancels that flow reads no more of the
   * client; who does so with a cause wants its connection cut, whatever of the other direction still waits there.
   */
  open(fromClient: ByteStream): void;
}
