import { FLAG, H2_ERROR, Http2Violation, type FrameHead } from "./frame.ts";

/** Largest coded header block, all its frames together. */
const MAX_BLOCK_BYTES = 32 * 1024;

/** The block and what its first frame said. */
export interface HeaderBlock {
  readonly streamId: number;
  readonly endsStream: boolean;
  readonly bytes: Buffer;
}

/** Puts a header block together from HEADERS and CONTINUATION frames. Bounded in bytes and, since an empty one is refused, in frames. */
export class HeaderBlocks {
  #open: { readonly streamId: number; readonly endsStream: boolean; readonly parts: Buffer[]; bytes: number } | undefined;

  /** Between HEADERS and the last CONTINUATION nothing else may come. */
  get isOpen(): boolean {
    return this.#open !== undefined;
  }

  /** A HEADERS frame; the block where it is whole. */
  begin({ streamId, flags }: FrameHead, fragment: Buffer): HeaderBlock | undefined {
    const endsStream = (flags & FLAG.END_STREAM) !== 0;
    if ((flags & FLAG.END_HEADERS) !== 0) return { streamId, endsStream, bytes: fragment };
    this.#open = { streamId, endsStream, parts: [Buffer.from(fragment)], bytes: fragment.length };
    return undefined;
  }

  /** A CONTINUATION frame; the block where it is whole now. */
  go({ streamId, flags }: FrameHead, fragment: Buffer): HeaderBlock | undefined {
    const open = this.#open;
    if (open === undefined || open.streamId !== streamId)
      throw new Http2Violation(H2_ERROR.PROTOCOL_ERROR, "a CONTINUATION of nothing");
    const isLast = (flags & FLAG.END_HEADERS) !== 0;
    if (fragment.length === 0 && !isLast) throw new Http2Violation(H2_ERROR.ENHANCE_YOUR_CALM, "an empty CONTINUATION");
    open.bytes += fragment.length;
    if (open.bytes > MAX_BLOCK_BYTES) throw new Http2Violation(H2_ERROR.ENHANCE_YOUR_CALM, "a header block that is too large");
    open.parts.push(Buffer.from(fragment));
    if (!isLast) return undefined;
    this.#open = undefined;
    return { streamId, endsStream: open.endsStream, bytes: Buffer.concat(open.parts) };
  }
}

/** The payload without its padding, and for HEADERS without its priority (RFC 9113 sections 6.1, 6.2). */
export function unpadded(head: FrameHead, payload: Buffer): Buffer {
  let start = 0;
  let end = payload.length;
  if ((head.flags & FLAG.PADDED) !== 0) {
    end -= payload[0] ?? 0;
    start = 1;
  }
  if (head.type === HEADERS_TYPE && (head.flags & FLAG.PRIORITY) !== 0) start += 5;
  if (start > end) throw new Http2Violation(H2_ERROR.PROTOCOL_ERROR, "more padding than payload");
  return payload.subarray(start, end);
}

const HEADERS_TYPE = 0x1;
