import { connect, type Socket } from "node:net";

/** A client that writes bytes and remembers bytes: what an ordinary HTTP client would never send. */
export class RawClient {
  readonly socket: Socket;
  readonly closed: Promise<void>;
  #received = "";
  #waiting: { readonly until: (received: string) => boolean; readonly settle: () => void }[] = [];

  private constructor(socket: Socket) {
    this.socket = socket;
    this.closed = new Promise((resolve) => socket.once("close", () => resolve()));
    socket.setEncoding("latin1");
    socket.on("data", (text: string) => {
      this.#received += text;
      this.#look();
    });
    socket.on("error", () => {});
    socket.once("close", () => this.#look(true));
  }

  static async connect(port: number): Promise<RawClient> {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    await new Promise((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("error", reject);
    });
    return new RawClient(socket);
  }

  /** Everything received so far; a byte is a character. */
  get received(): string {
    return this.#received;
  }

  /** Status codes of the responses received so far, interim ones included. */
  get statuses(): readonly number[] {
    return [...this.#received.matchAll(/HTTP\/1\.1 ([0-9]{3}) /g)].map(([, status]) => Number(status));
  }

  /** Writes text, a character a byte. */
  send(text: string): void {
    this.socket.write(Buffer.from(text, "latin1"));
  }

  /** Resolves when the text received so far satisfies, or the connection is closed. */
  async until(satisfied: (received: string) => boolean): Promise<string> {
    if (!satisfied(this.#received) && !this.socket.destroyed) {
      await new Promise<void>((settle) => this.#waiting.push({ until: satisfied, settle }));
    }
    return this.#received;
  }

  /** Resolves with all that was received when the other side ended. */
  async toEnd(): Promise<string> {
    if (!this.socket.readableEnded && !this.socket.destroyed)
      await new Promise((resolve) => this.socket.once("end", resolve).once("close", resolve));
    this.socket.destroy();
    return this.#received;
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }

  #look(gone = false): void {
    const ready = this.#waiting.filter(({ until }) => gone || until(this.#received));
    this.#waiting = this.#waiting.filter((waiting) => !ready.includes(waiting));
    for (const { settle } of ready) settle();
  }
}

/** Sends bytes on a fresh connection and returns what came back when the server closed it. */
export async function exchangeRaw(port: number, text: string): Promise<string> {
  using client = await RawClient.connect(port);
  client.send(text);
  return await client.toEnd();
}
