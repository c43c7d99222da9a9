import type { Socket } from "node:net";
import type { ByteSink, ByteStream, Flow } from "../../model/byte-stream.ts";
import type { Tunnel } from "../../model/tunnel.ts";

/** The way to an upstream that has changed its protocol: bytes as they come, with the connection's backpressure. */
export class TunnelSocket implements Tunnel, ByteSink {
  readonly #socket: Socket;
  #flow: Flow | undefined;
  #over = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("drain", () => this.#flow?.resume());
    socket.once("close", () => this.#close());
  }

  open(fromClient: ByteStream): void {
    if (this.#over || this.#socket.destroyed) return fromClient.discard();
    this.#flow = fromClient.pipe(this);
  }

  write(chunk: Uint8Array): boolean {
    return !this.#over && this.#socket.write(chunk);
  }

  /** The client has said its last word; the upstream has not. */
  end(): void {
    this.#over = true;
    this.#socket.end();
  }

  fail(): void {
    this.end();
  }

  #close(): void {
    if (this.#over) return;
    this.#over = true;
    this.#flow?.cancel();
  }
}
