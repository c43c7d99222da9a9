/** What the frames of one direction must be like. */
export interface FrameTerms {
  /** Frames of a client are masked, those of a server are not (RFC 6455 section 5.1). */
  readonly masked: boolean;
  /** permessage-deflate was agreed on: the first frame of a message may say that it is compressed (RFC 7692). */
  readonly compressed: boolean;
  /** Payload of one message over all its frames, as sent. */
  readonly maxMessageBytes: number;
}

/** Why the frames of a direction go no further, and the close code for whoever sent them. */
export interface FrameFault {
  readonly code: 1002 | 1009;
  readonly text: string;
}

/** The close code that stands for a close frame without one. */
export const NO_CODE = 1005;

/**
 * Reads the frame headers of one direction as its bytes pass, and nothing of the payloads but the code of a close frame. So much is needed
 * to know where a close frame of our own may stand, how large a message gets and whether both ends take the same bytes for the same
 * frames. Text is not checked for UTF-8 and nothing is decompressed: that is between the two ends.
 */
export class FrameScanner {
  readonly #terms: FrameTerms;
  /** Of the frame that is being read. */
  readonly #header = new Uint8Array(MAX_HEADER_BYTES);
  #have = 0;
  #need = 2;
  #opcode = 0;
  /** Bytes of its payload still to come. */
  #remaining = 0;
  /** Payload of the message so far; undefined: none is open. */
  #messageBytes: number | undefined;
  /** Bytes of the code of a close frame still to come; -1: there is none. */
  #codeBytesDue = -1;
  #code = 0;
  #closeCode: number | undefined;
  #fault: FrameFault | undefined;
  /** Bytes of the frame at hand that an earlier piece brought. */
  #isSplit = false;

  constructor(terms: FrameTerms) {
    this.#terms = terms;
  }

  /** What is wrong; nothing passes from then on. */
  get fault(): FrameFault | undefined {
    return this.#fault;
  }

  /** Code of the close frame, once all of it passed; `NO_CODE` where it has none. Nothing passes from then on. */
  get closeCode(): number | undefined {
    return this.#closeCode;
  }

  /** Whether what passed so far ends with a frame: another one may follow. */
  get isBetweenFrames(): boolean {
    return this.#have === 0 && this.#remaining === 0;
  }

  /** Reads a piece; returns how many of its bytes may pass: all, or those before a fault or behind a close frame. */
  read(piece: Uint8Array): number {
    const stop = piece.byteLength;
    let frameAt = 0;
    this.#isSplit = !this.isBetweenFrames;
    for (let at = 0; at < stop;) {
      if (this.#fault !== undefined || this.#closeCode !== undefined) return at;
      if (this.#remaining > 0) {
        at = this.#readPayload(piece, at);
      } else {
        if (this.#have === 0) frameAt = at;
        at = this.#readHeader(piece, at);
      }
      if (this.#fault !== undefined) return this.#takeBack(frameAt);
      if (this.isBetweenFrames) this.#isSplit = false;
    }
    return stop;
  }

  /** Of the frame at fault nothing passes, unless its beginning has: then it is broken off there. */
  #takeBack(frameAt: number): number {
    if (this.#isSplit) {
      this.#have ||= 1;
      return 0;
    }
    this.#have = 0;
    this.#remaining = 0;
    return frameAt;
  }

  #readPayload(piece: Uint8Array, at: number): number {
    const bytes = Math.min(this.#remaining, piece.byteLength - at);
    for (let i = at; this.#codeBytesDue > 0 && i < at + bytes; i += 1) {
      // of the four bytes of the mask the first two are on the code
      const mask = this.#terms.masked ? (this.#header[4 - this.#codeBytesDue] ?? 0) : 0;
      this.#code = this.#code * 256 + ((piece[i] ?? 0) ^ mask);
      this.#codeBytesDue -= 1;
    }
    this.#remaining -= bytes;
    if (this.#remaining === 0) this.#endFrame();
    return at + bytes;
  }

  #readHeader(piece: Uint8Array, start: number): number {
    let at = start;
    while (at < piece.byteLength && this.#have < this.#need) {
      this.#header[this.#have] = piece[at] ?? 0;
      this.#have += 1;
      at += 1;
      if (this.#have === 2) this.#need = this.#judgeStart();
      if (this.#fault !== undefined) return at;
    }
    if (this.#have === this.#need) this.#judgeLength();
    return at;
  }

  /** Judges the first two bytes; returns how long the header is. */
  #judgeStart(): number {
    const [first = 0, second = 0] = this.#header;
    this.#opcode = first & 0x0f;
    const isMasked = second >= 0x80;
    const length = second & 0x7f;
    const why = this.#faultOfStart(first, { isMasked, length });
    if (why !== undefined) this.#refuse(1002, why);
    return 2 + (length === 126 ? 2 : length === 127 ? 8 : 0) + (isMasked ? MASK_BYTES : 0);
  }

  #faultOfStart(
    first: number,
    { isMasked, length }: { readonly isMasked: boolean; readonly length: number },
  ): string | undefined {
    const opcode = this.#opcode;
    const isFinal = first >= 0x80;
    if (opcode > 0x0a || (opcode > 0x02 && opcode < 0x08)) return "unknown opcode";
    const mayBeCompressed = this.#terms.compressed && (opcode === TEXT || opcode === BINARY);
    if ((first & 0x70) !== 0 && !((first & 0x70) === 0x40 && mayBeCompressed)) return "reserved bits";
    if (isMasked !== this.#terms.masked) return isMasked ? "masked frame of a server" : "unmasked frame of a client";
    if (opcode >= CLOSE) return isFinal && length < 126 ? undefined : "control frame that is long or in parts";
    if (opcode === CONTINUATION) return this.#messageBytes === undefined ? "continuation of nothing" : undefined;
    return this.#messageBytes === undefined ? undefined : "message within a message";
  }

  /** The header is whole. */
  #judgeLength(): void {
    const bytes = this.#payloadBytes();
    if (bytes === undefined) return this.#refuse(1002, "payload length not in its shortest form");
    const header = this.#header;
    // the mask stands where the code of a close frame looks for it
    if (this.#opcode === CLOSE) {
      if (bytes === 1) return this.#refuse(1002, "close frame of one byte");
      if (this.#terms.masked) header.copyWithin(2, this.#need - MASK_BYTES, this.#need);
      this.#codeBytesDue = bytes === 0 ? -1 : 2;
      this.#code = 0;
    }
    if (this.#opcode < CLOSE) {
      const messageBytes = (this.#messageBytes ?? 0) + bytes;
      if (messageBytes > this.#terms.maxMessageBytes) return this.#refuse(1009, "message too large");
      const isFinal = (header[0] ?? 0) >= 0x80;
      this.#messageBytes = isFinal ? undefined : messageBytes;
    }
    this.#have = 0;
    this.#need = 2;
    this.#remaining = bytes;
    if (bytes === 0) this.#endFrame();
  }

  /** Undefined: not canonical. */
  #payloadBytes(): number | undefined {
    const view = new DataView(this.#header.buffer);
    const short = (this.#header[1] ?? 0) & 0x7f;
    if (short < 126) return short;
    if (short === 126) return view.getUint16(2) < 126 ? undefined : view.getUint16(2);
    const high = view.getUint32(2);
    if (high > 0x7fff_ffff || (high === 0 && view.getUint32(6) < 65_536)) return undefined;
    return high * 2 ** 32 + view.getUint32(6);
  }

  #endFrame(): void {
    if (this.#opcode !== CLOSE) return;
    if (this.#codeBytesDue === -1) this.#closeCode = NO_CODE;
    else if (isSendableCode(this.#code)) this.#closeCode = this.#code;
    else this.#refuse(1002, `close code ${this.#code}`);
  }

  #refuse(code: FrameFault["code"], text: string): void {
    this.#fault = { code, text };
  }
}

/** Whether a close frame may bear that code (RFC 6455 section 7.4; 1012 to 1014 are of the registry). */
export const isSendableCode = (code: number): boolean =>
  (code >= 1000 && code <= 1014 && code !== 1004 && code !== NO_CODE && code !== 1006) || (code >= 3000 && code <= 4999);

/**
 * A close frame. The mask of one that goes to an upstream is fixed: masks keep whoever chooses the payload from choosing the bytes on the
 * wire, and here nobody but the gateway chooses it. `reason` is ASCII of at most 123 characters.
 */
export function closeFrame(code: number, reason: string, masked: boolean): Uint8Array {
  const payload = new Uint8Array(2 + reason.length);
  new DataView(payload.buffer).setUint16(0, code);
  for (let i = 0; i < reason.length; i += 1) payload[i + 2] = reason.charCodeAt(i);
  if (!masked) return Uint8Array.of(0x88, payload.byteLength, ...payload);
  return Uint8Array.of(0x88, 0x80 | payload.byteLength, ...MASK, ...payload.map((byte, i) => byte ^ (MASK[i % MASK_BYTES] ?? 0)));
}

const CONTINUATION = 0x0;
const TEXT = 0x1;
const BINARY = 0x2;
/** Opcodes from here on are of control frames. */
const CLOSE = 0x8;

const MASK_BYTES = 4;
const MASK = [0x5a, 0x11, 0x70, 0xc3] as const;

/** Two bytes, a length of eight and a mask. */
const MAX_HEADER_BYTES = 14;
