import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";

/** Types of frames (RFC 9113 section 6). */
export const FRAME = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const FLAG = { ack: 0x1, endStream: 0x1, endHeaders: 0x4, padded: 0x8 } as const;

/** A frame as it arrived. */
export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

/** What every client begins with. */
export const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

/** A frame as bytes. */
export function frame(type: number, { flags = 0, stream = 0, payload = Buffer.alloc(0) }: Partial<Omit<Frame, "type">>): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.byteLength, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** A header block, each field a literal that is not indexed, in plain octets (RFC 7541 section 6.2.2): whatever it is given. */
export const headerBlock = (fields: readonly (readonly [name: string, value: string])[]): Buffer =>
  Buffer.concat(fields.flatMap(([name, value]) => [Buffer.from([0]), text(name), text(value)]));

function text(value: string): Buffer {
  const bytes = Buffer.from(value, "latin1");
  const length: number[] = [];
  let left = bytes.byteLength;
  if (left < 127) length.push(left);
  else {
    length.push(127);
    for (left -= 127; left >= 128; left = Math.floor(left / 128)) length.push((left % 128) + 128);
    length.push(left);
  }
  return Buffer.concat([Buffer.from(length), bytes]);
}

/** The fields of an ordinary request. */
export const requestFields = (
  path = "/",
  more: readonly (readonly [string, string])[] = [],
  method = "GET",
): readonly (readonly [string, string])[] => [
  [":method", method],
  [":scheme", "http"],
  [":authority", "localhost"],
  [":path", path],
  ...more,
];

/** A four-byte payload, such as an error code or a window's growth. */
export function word(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** A SETTINGS frame. */
export function settings(...pairs: readonly (readonly [id: number, value: number])[]): Buffer {
  const payload = Buffer.alloc(6 * pairs.length);
  pairs.forEach(([id, value], i) => {
    payload.writeUInt16BE(id, i * 6);
    payload.writeUInt32BE(value, i * 6 + 2);
  });
  return frame(FRAME.settings, { payload });
}

/** An HTTP/2 client that writes frames by hand and remembers frames: what an ordinary client would never send. */
export class RawHttp2 {
  readonly socket: Socket;
  readonly closed: Promise<void>;
  readonly frames: Frame[] = [];
  /** Whether it acknowledges PINGs. */
  acknowledges = true;
  #rest: Buffer = Buffer.alloc(0);
  #waiting: { readonly until: () => boolean; readonly settle: () => void }[] = [];

  private constructor(socket: Socket) {
    this.socket = socket;
    this.closed = new Promise((resolve) => socket.once("close", () => resolve()));
    socket.on("data", (bytes: Buffer) => this.#take(bytes));
    socket.on("error", () => {});
    socket.once("close", () => this.#look(true));
  }

  /**
   * Connects and sends preface and SETTINGS; settings of the server are acknowledged when they come. `tls`: over TLS, whatever the
   * server's certificate.
   */
  static async connect(port: number, first: Buffer = settings(), tls = false): Promise<RawHttp2> {
    const place = { port, host: "127.0.0.1" };
    const socket = tls
      ? connectTls({ ...place, servername: "localhost", ALPNProtocols: ["h2"], rejectUnauthorized: false })
      : connect({ ...place, noDelay: true });
    await new Promise((resolve, reject) => {
      socket.once(tls ? "secureConnect" : "connect", resolve);
      socket.once("error", reject);
    });
    const client = new RawHttp2(socket);
    client.send(PREFACE, first);
    return client;
  }

  send(...bytes: readonly Buffer[]): void {
    if (!this.socket.destroyed) this.socket.write(Buffer.concat(bytes));
  }

  /** Sends a whole request without a body. */
  request(stream: number, fields: readonly (readonly [string, string])[] = requestFields()): void {
    this.send(frame(FRAME.headers, { flags: FLAG.endHeaders | FLAG.endStream, stream, payload: headerBlock(fields) }));
  }

  /** Frames of one type so far, of one stream where it says which. */
  of(type: number, stream?: number): readonly Frame[] {
    return this.frames.filter((each) => each.type === type && (stream === undefined || each.stream === stream));
  }

  /** Error code of the last GOAWAY; undefined: none came. */
  get goaway(): number | undefined {
    return this.of(FRAME.goaway).at(-1)?.payload.readUInt32BE(4);
  }

  /** Error code a stream was reset with; undefined: it was not. */
  resetOf(stream: number): number | undefined {
    return this.of(FRAME.reset, stream)[0]?.payload.readUInt32BE(0);
  }

  /** Resolves when what arrived so far satisfies, or the connection is closed. */
  async until(satisfied: () => boolean): Promise<void> {
    if (satisfied() || this.socket.destroyed) return;
    await new Promise<void>((settle) => this.#waiting.push({ until: satisfied, settle }));
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }

  #take(bytes: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    while (this.#rest.byteLength >= 9) {
      const end = 9 + this.#rest.readUIntBE(0, 3);
      if (this.#rest.byteLength < end) break;
      const [type, flags, stream] = [this.#rest.readUInt8(3), this.#rest.readUInt8(4), this.#rest.readUInt32BE(5)];
      this.frames.push({ type, flags, stream, payload: this.#rest.subarray(9, end) });
      this.#rest = this.#rest.subarray(end);
      const payload = this.frames.at(-1)?.payload ?? Buffer.alloc(0);
      if (type === FRAME.ping && flags === 0 && this.acknowledges) this.send(frame(FRAME.ping, { flags: FLAG.ack, payload }));
      if (type === FRAME.settings && (flags & FLAG.ack) === 0) this.send(frame(FRAME.settings, { flags: FLAG.ack }));
    }
    this.#look();
  }

  #look(gone = false): void {
    const ready = this.#waiting.filter(({ until }) => gone || until());
    this.#waiting = this.#waiting.filter((waiting) => !ready.includes(waiting));
    for (const { settle } of ready) settle();
  }
}
