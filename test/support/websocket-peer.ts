import { createServer, connect, type Socket } from "node:net";
import type { AddressInfo } from "node:net";
import type { Duplex, Writable } from "node:stream";
import { acceptOf } from "../../src/support/websocket-handshake.ts";

/** Opcodes of RFC 6455 section 5.2. */
export const OPCODES = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** A frame as it stands on the wire. */
export interface WireFrame {
  readonly final: boolean;
  readonly reserved: number;
  readonly opcode: number;
  readonly payload: Buffer;
}

/** How a frame is written, where not as usual. */
export interface FrameChoice {
  readonly final?: boolean;
  /** The three reserved bits as a number. */
  readonly reserved?: number;
  /** Bytes of the length field beyond the shortest. */
  readonly longLength?: boolean;
}

/** The bytes of one frame; masked ones have a mask made of the payload's length. */
export function frameBytes(opcode: number, payload: Buffer | string, masked: boolean, choice: FrameChoice = {}): Buffer {
  const bytes = Buffer.from(payload);
  const first = (choice.final === false ? 0 : 0x80) | ((choice.reserved ?? 0) << 4) | opcode;
  const bit = masked ? 0x80 : 0;
  const { length } = bytes;
  let head: Buffer;
  if (length < 126 && choice.longLength !== true) head = Buffer.from([first, bit | length]);
  else if (length < 65_536 && !(choice.longLength === true && length >= 126)) {
    head = Buffer.from([first, bit | 126, length >> 8, length & 255]);
  } else {
    head = Buffer.alloc(10);
    head.set([first, bit | 127]);
    head.writeBigUInt64BE(BigInt(length), 2);
  }
  if (!masked) return Buffer.concat([head, bytes]);
  const mask = Buffer.from([length & 255, 0x37, 0xfa, 0x21]);
  return Buffer.concat([head, mask, bytes.map((byte, i) => byte ^ (mask[i % 4] ?? 0))]);
}

/** Payload of a close frame. */
export const closePayload = (code: number, reason = ""): Buffer =>
  Buffer.concat([Buffer.from([code >> 8, code & 255]), Buffer.from(reason)]);

/** One end of a WebSocket, frame by frame, as no library would let a test have it, over a connection or a stream of HTTP/2. */
export class WebSocketPeer<Stream extends Duplex = Socket> {
  readonly socket: Stream;
  /** The head it was answered, or asked, with. */
  readonly head: string;
  readonly frames: WireFrame[] = [];
  /** Nothing more will come: an end, or a broken connection. */
  readonly over: Promise<void>;
  readonly #masks: boolean;
  #rest: Buffer[] = [];
  #restBytes = 0;
  #neededBytes = 2;
  #waiting: (() => void)[] = [];
  #isOver = false;
  #taken = 0;

  constructor(socket: Stream, parts: { readonly head: string; readonly first: Buffer; readonly masks: boolean }) {
    this.socket = socket;
    this.head = parts.head;
    this.#masks = parts.masks;
    this.over = new Promise((resolve) => {
      const end = (): void => {
        this.#isOver = true;
        resolve();
        this.#wake();
      };
      socket.once("end", end).once("close", end);
    });
    socket.on("error", () => {});
    socket.on("data", (bytes: Buffer) => this.#read(bytes));
    if (parts.first.byteLength > 0) this.#read(parts.first);
    socket.resume();
  }

  /** Writes one frame; resolves as soon as the connection takes more. */
  send(opcode: number, payload: Buffer | string = "", choice: FrameChoice = {}): Promise<void> {
    return this.write(frameBytes(opcode, payload, this.#masks, choice));
  }

  text(payload: string): Promise<void> {
    return this.send(OPCODES.text, payload);
  }

  close(code: number, reason = ""): Promise<void> {
    return this.send(OPCODES.close, closePayload(code, reason));
  }

  async write(bytes: Buffer): Promise<void> {
    if (this.socket.destroyed || this.socket.write(bytes)) return;
    await roomIn(this.socket);
  }

  /** The next frame nobody has taken; undefined where none comes any more. */
  async next(): Promise<WireFrame | undefined> {
    while (this.frames.length <= this.#taken) {
      if (this.#isOver) return undefined;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    this.#taken += 1;
    return this.frames[this.#taken - 1];
  }

  async nextText(): Promise<string | undefined> {
    return (await this.next())?.payload.toString();
  }

  /** Code and reason of the next frame, which must be a close frame; undefined where none comes. */
  async nextClose(): Promise<readonly [number, string] | undefined> {
    const frame = await this.next();
    if (frame === undefined) return undefined;
    if (frame.opcode !== OPCODES.close) throw new Error(`a frame of opcode ${frame.opcode} instead of a close frame`);
    return frame.payload.length < 2 ? [1005, ""] : [frame.payload.readUInt16BE(0), frame.payload.subarray(2).toString()];
  }

  /** Forgets what was taken, where there is much. */
  forget(): void {
    this.frames.splice(0, this.#taken);
    this.#taken = 0;
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const each of waiting) each();
  }

  #read(bytes: Buffer): void {
    this.#rest.push(bytes);
    this.#restBytes += bytes.byteLength;
    if (this.#restBytes < this.#neededBytes) return;
    let rest = Buffer.concat(this.#rest);
    for (;;) {
      const read = readFrame(rest);
      if (typeof read === "number") {
        this.#neededBytes = read;
        break;
      }
      this.frames.push(read.frame);
      rest = rest.subarray(read.bytes);
    }
    this.#rest = [rest];
    this.#restBytes = rest.byteLength;
    this.#wake();
  }
}

/** Resolves when a stream takes more, or is closed. */
export const roomIn = (stream: Writable): Promise<void> =>
  new Promise((resolve) => {
    const settle = (): void => {
      stream.off("drain", settle).off("close", settle);
      resolve();
    };
    stream.on("drain", settle).on("close", settle);
  });

/** A frame, or how many bytes are needed to know more. */
function readFrame(bytes: Buffer): { readonly frame: WireFrame; readonly bytes: number } | number {
  if (bytes.byteLength < 2) return 2;
  const [first = 0, second = 0] = bytes;
  const short = second & 127;
  const lengthBytes = short === 126 ? 2 : short === 127 ? 8 : 0;
  const maskBytes = second >= 128 ? 4 : 0;
  const headBytes = 2 + lengthBytes + maskBytes;
  if (bytes.byteLength < headBytes) return headBytes;
  const length = lengthBytes === 0 ? short : lengthBytes === 2 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
  if (bytes.byteLength < headBytes + length) return headBytes + length;
  const mask = bytes.subarray(headBytes - maskBytes, headBytes);
  const payload = Buffer.from(bytes.subarray(headBytes, headBytes + length));
  if (maskBytes > 0) for (let i = 0; i < length; i += 1) payload[i] = (payload[i] ?? 0) ^ (mask[i % 4] ?? 0);
  return { frame: { final: first >= 128, reserved: (first >> 4) & 7, opcode: first & 15, payload }, bytes: headBytes + length };
}

/** An upstream that speaks WebSocket. */
export interface WebSocketUpstream extends AsyncDisposable {
  readonly url: string;
  /** Heads received, of other requests too. */
  readonly heads: readonly string[];
  /** Connections that are open. */
  readonly connections: ReadonlySet<Socket>;
  /** The next one whose handshake is answered. */
  opened(): Promise<WebSocketPeer>;
}

/** What an upstream does with a head: the text it answers with. Undefined: a proper 101. */
export type AnswerHead = (head: string, socket: Socket) => string | undefined | Promise<string | undefined>;

/** Value of a line of a head. */
export const lineOf = (head: string, name: string): string | undefined => new RegExp(`^${name}: *(.*)\r$`, "im").exec(head)?.[1];

/** A proper 101 with these lines on top. */
export const switching = (head: string, lines = ""): string =>
  `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${acceptOf(lineOf(head, "sec-websocket-key") ?? "")}\r\n${lines}\r\n`;

/** Starts an upstream; half-open, so that it decides itself when it is done. */
export async function startWebSocketUpstream(answer: AnswerHead = () => undefined): Promise<WebSocketUpstream> {
  const heads: string[] = [];
  const connections = new Set<Socket>();
  let waiting: ((peer: WebSocketPeer) => void)[] = [];
  const serve = async (socket: Socket): Promise<void> => {
    for (let read = await readHead(socket); read !== undefined; read = await readHead(socket)) {
      heads.push(read.head);
      const text = (await answer(read.head, socket)) ?? switching(read.head);
      socket.write(text, "latin1");
      if (!text.startsWith("HTTP/1.1 101")) continue;
      const peer = new WebSocketPeer(socket, { ...read, masks: false });
      const [next, ...others] = waiting;
      waiting = others;
      return next?.(peer);
    }
    socket.end();
  };
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    connections.add(socket);
    socket.on("error", () => {});
    socket.once("close", () => connections.delete(socket));
    void serve(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  // a listening TCP server's address is no pipe name
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    heads,
    connections,
    opened: () => new Promise((resolve) => waiting.push(resolve)),
    async [Symbol.asyncDispose]() {
      for (const socket of connections) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A key of 16 bytes. */
export const KEY = "dGhlIHNhbXBsZSBub25jZQ==";

/** The head of a handshake; `lines` replaces lines by name, undefined leaves one out. */
export function handshake(path = "/", lines: Readonly<Record<string, string | undefined>> = {}): string {
  const all = {
    Host: "gateway.test",
    Connection: "Upgrade",
    Upgrade: "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": KEY,
    ...lines,
  };
  const text = Object.entries(all).flatMap(([name, value]) => (value === undefined ? [] : [`${name}: ${value}\r\n`]));
  return `GET ${path} HTTP/1.1\r\n${text.join("")}\r\n`;
}

/** Sends a handshake, or any text, and returns the client's end with the head it was answered with, whatever that says. */
export async function openWebSocket(
  gateway: { readonly url: string },
  text: string = handshake(),
  options: { readonly behind?: Buffer; /** Default: a plain connection. */ readonly socket?: Socket } = {},
): Promise<WebSocketPeer> {
  const { port } = new URL(gateway.url);
  const socket = options.socket ?? connect({ port: Number(port), host: "127.0.0.1", noDelay: true, allowHalfOpen: true });
  socket.write(Buffer.concat([Buffer.from(text, "latin1"), options.behind ?? Buffer.alloc(0)]));
  const read = await readHead(socket);
  if (read === undefined) throw new Error("the connection ended before an answer");
  return new WebSocketPeer(socket, { ...read, masks: true });
}

function readHead(socket: Socket): Promise<{ readonly head: string; readonly first: Buffer } | undefined> {
  return new Promise((resolve) => {
    let received = Buffer.alloc(0);
    const settle = (read: { readonly head: string; readonly first: Buffer } | undefined): void => {
      socket.off("data", onData).off("end", onEnd).off("close", onEnd);
      resolve(read);
    };
    const onEnd = (): void => settle(undefined);
    const onData = (bytes: Buffer): void => {
      received = Buffer.concat([received, bytes]);
      const at = received.indexOf("\r\n\r\n");
      if (at < 0) return;
      // its listener comes a moment later
      socket.pause();
      settle({ head: received.subarray(0, at + 2).toString("latin1"), first: received.subarray(at + 4) });
    };
    socket
      .on("error", () => {})
      .on("data", onData)
      .on("end", onEnd)
      .on("close", onEnd);
    // paused behind the head before
    socket.resume();
  });
}
