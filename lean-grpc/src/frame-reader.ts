import { DEFAULT_MAX_FRAME_BYTES, FRAME_HEADER_BYTES, H2_ERROR, Http2Violation, type FrameHead } from "./frame.ts";

/** Takes one whole frame. The payload is a view on what was read: whoever keeps it longer than the call keeps the whole read. */
export type OnFrame = (head: FrameHead, payload: Buffer) => void;

/**
 * Cuts a stream of bytes into frames. Holds at most one unfinished frame of 16 KiB. Throws `Http2Violation` on a frame larger than
 * was allowed, and whatever `onFrame` throws.
 */
export class FrameReader {
  readonly #onFrame: OnFrame;
  /** A head or frame that is not whole, in memory of the size it will have. */
  #rest: Buffer | undefined;
  #restBytes = 0;

  constructor(onFrame: OnFrame) {
    this.#onFrame = onFrame;
  }

  /** Takes what was read next. */
  push(chunk: Buffer): void {
    let bytes = this.#rest === undefined ? chunk : this.#behindRest(this.#rest, chunk);
    while (bytes.length > 0) {
      const taken = this.#frame(bytes);
      if (taken === 0) return this.#keep(bytes);
      bytes = bytes.subarray(taken);
    }
  }

  /** Completes what waited with the start of the chunk, as far as it goes; what is left of the chunk. */
  #behindRest(rest: Buffer, chunk: Buffer): Buffer {
    const copied = chunk.copy(rest, this.#restBytes);
    this.#restBytes += copied;
    const left = chunk.subarray(copied);
    if (this.#restBytes < rest.length) return left;
    this.#rest = undefined;
    if (this.#frame(rest) > 0) return left;
    // it was a head alone
    this.#keep(rest);
    return this.#rest === undefined ? left : this.#behindRest(this.#rest, left);
  }

  /** A copy, so that a few waiting bytes do not hold on to 64 KiB. */
  #keep(bytes: Buffer): void {
    const size = bytes.length < FRAME_HEADER_BYTES ? FRAME_HEADER_BYTES : FRAME_HEADER_BYTES + bytes.readUIntBE(0, 3);
    this.#rest = Buffer.allocUnsafe(size);
    this.#restBytes = bytes.copy(this.#rest);
  }

  /** Bytes the first frame took; 0 where it is not whole yet. */
  #frame(bytes: Buffer): number {
    if (bytes.length < FRAME_HEADER_BYTES) return 0;
    const payloadBytes = bytes.readUIntBE(0, 3);
    if (payloadBytes > DEFAULT_MAX_FRAME_BYTES)
      throw new Http2Violation(H2_ERROR.FRAME_SIZE_ERROR, `a frame of ${payloadBytes} bytes`);
    const end = FRAME_HEADER_BYTES + payloadBytes;
    if (bytes.length < end) return 0;
    const head = {
      type: bytes.readUInt8(3),
      flags: bytes.readUInt8(4),
      streamId: bytes.readUInt32BE(5) & 0x7fff_ffff,
      payloadBytes,
    };
    this.#onFrame(head, bytes.subarray(FRAME_HEADER_BYTES, end));
    return end;
  }
}
