// The agent's side of HAProxy's stream processing offload protocol, version 2.0, as far as one message and its answer need it.

/** Frame types. */
export const FRAME = {
  HAPROXY_HELLO: 1,
  HAPROXY_DISCONNECT: 2,
  NOTIFY: 3,
  AGENT_HELLO: 101,
  AGENT_DISCONNECT: 102,
  ACK: 103,
} as const;

/** The largest frame that is taken, bytes: as much as HAProxy offers with its default buffers, and it refuses an agent that says more. */
export const MAX_FRAME_BYTES = 16_380;

const DATA = { NULL: 0, BOOL: 1, INT32: 2, UINT32: 3, INT64: 4, UINT64: 5, IPV4: 6, IPV6: 7, STRING: 8, BINARY: 9 } as const;
const FLAG_FIN = 1;
const SET_VAR = { action: 1, args: 3, transaction: 2 } as const;

/** Reads a frame without its length, front to back; throws a RangeError beyond its end. */
export class FrameCursor {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  byte(): number {
    this.#at += 1;
    return this.#bytes.readUInt8(this.#at - 1);
  }

  skip(bytes: number): undefined {
    if (this.#at + bytes > this.#bytes.length) throw new RangeError("beyond the frame");
    this.#at += bytes;
  }

  /** The protocol's own variable length: four bits in the first byte, seven in each further one. */
  number(): number {
    const first = this.byte();
    if (first < 240) return first;
    let value = first;
    for (let factor = 16; ; factor *= 128) {
      const next = this.byte();
      value += next * factor;
      if (next < 128) return value;
    }
  }

  text(): string {
    const length = this.number();
    this.skip(length);
    return this.#bytes.toString("latin1", this.#at - length, this.#at);
  }

  /** A typed value: texts as they are, everything else is skipped and `undefined`. */
  value(): string | undefined {
    switch (this.byte() & 15) {
      case DATA.NULL:
      case DATA.BOOL:
        return undefined;
      case DATA.INT32:
      case DATA.UINT32:
      case DATA.INT64:
      case DATA.UINT64:
        return void this.number();
      case DATA.IPV4:
        return this.skip(4);
      case DATA.IPV6:
        return this.skip(16);
      case DATA.STRING:
      case DATA.BINARY:
        return this.text();
      default:
        throw new RangeError("an unknown type");
    }
  }
}

/** A whole frame with its length in front. */
export function frame(type: number, ids: { readonly stream: number; readonly frame: number }, payload: Buffer): Buffer {
  const head = Buffer.concat([Buffer.from([type, 0, 0, 0, FLAG_FIN]), numberBytes(ids.stream), numberBytes(ids.frame)]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(head.length + payload.length);
  return Buffer.concat([length, head, payload]);
}

/** The agent's answer to a hello. */
export const helloPayload = (): Buffer =>
  Buffer.concat([
    textBytes("version"),
    typedText("2.0"),
    textBytes("max-frame-size"),
    Buffer.from([DATA.UINT32]),
    numberBytes(MAX_FRAME_BYTES),
    textBytes("capabilities"),
    typedText("pipelining"),
  ]);

/** An action that sets a variable of the transaction. */
export const setVariable = (name: string, value: string): Buffer =>
  Buffer.concat([Buffer.from([SET_VAR.action, SET_VAR.args, SET_VAR.transaction]), textBytes(name), typedText(value)]);

const typedText = (text: string): Buffer => Buffer.concat([Buffer.from([DATA.STRING]), textBytes(text)]);

function textBytes(text: string): Buffer {
  const bytes = Buffer.from(text, "latin1");
  return Buffer.concat([numberBytes(bytes.length), bytes]);
}

function numberBytes(value: number): Buffer {
  if (value < 240) return Buffer.from([value]);
  const bytes = [(value % 16) | 240];
  let rest = Math.floor((value - 240) / 16);
  for (; rest >= 128; rest = Math.floor((rest - 128) / 128)) bytes.push((rest % 128) | 128);
  return Buffer.from([...bytes, rest]);
}
