import { DEFAULT_MAX_FRAME_BYTES, FRAME_HEADER_BYTES, H2_ERROR, Http2Violation, type FrameHead } from "./frame.ts";

/** Takes one whole frame. The payload is a view on what was read: whoever keeps it longer than the call keeps the whole read. */
export type OnFrame = (head: FrameHead, payload: Buffer) => void;

/**
 * Cuts a stream of bytes into frames. Holds at most one unfinished frame of 16 KiB. Throws `Http2Violation` on a frame larger than
 * was allowed, and whatever `onFrame` throws.
 */
export class FrameReader {
  readonly #onFrame: OnFrame;
  #rest: Buffer | undefined;

  constructor(onFrame: OnFrame) {
    this.#onFrame = onFrame;
  }

  /** Takes what was read next. */
  push(chunk: Buffer): void {
    let bytes = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk]);
    this.#rest = undefined;
    for (;;) {
      const taken = this.#frame(bytes);
      if (taken === 0) break;
      bytes = bytes.subarray(taken);
    }
    // a copy, so that a few waiting bytes do not hold on to 64 KiB
    if (bytes.length > 0) this.#rest = Buffer.from(bytes);
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
