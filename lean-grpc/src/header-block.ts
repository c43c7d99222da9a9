import {
  DEFAULT_MAX_FRAME_BYTES,
  endsStream,
  FLAG,
  FRAME,
  FRAME_HEADER_BYTES,
  H2_ERROR,
  Http2Violation,
  writeFrameHead,
  type FrameHead,
} from "./frame.ts";
import type { Outbox } from "./outbox.ts";

/** Largest coded header block where no more fields are taken than that, bytes: all its frames together. */
const MIN_BLOCK_BYTES = 32 * 1024;

/** The block and what its first frame said. */
export interface HeaderBlock {
  readonly streamId: number;
  readonly endsStream: boolean;
  readonly bytes: Buffer;
}

/** Puts a header block together from HEADERS and CONTINUATION frames. Bounded in bytes and, since an empty one is refused, in frames. */
export class HeaderBlocks {
  readonly #maxBytes: number;
  #open: { readonly streamId: number; readonly endsStream: boolean; readonly parts: Buffer[]; bytes: number } | undefined;

  /** `maxFieldsBytes`: the largest list of fields that is taken; coded, it is never larger. */
  constructor(maxFieldsBytes: number) {
    this.#maxBytes = Math.max(MIN_BLOCK_BYTES, maxFieldsBytes);
  }

  /** Between HEADERS and the last CONTINUATION nothing else may come. */
  get isOpen(): boolean {
    return this.#open !== undefined;
  }

  /** A HEADERS frame; the block where it is whole. */
  begin(head: FrameHead, fragment: Buffer): HeaderBlock | undefined {
    const { streamId, flags } = head;
    if ((flags & FLAG.END_HEADERS) !== 0) return { streamId, endsStream: endsStream(head), bytes: fragment };
    this.#open = { streamId, endsStream: endsStream(head), parts: [Buffer.from(fragment)], bytes: fragment.length };
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
    if (open.bytes > this.#maxBytes) throw new Http2Violation(H2_ERROR.ENHANCE_YOUR_CALM, "a header block that is too large");
    open.parts.push(Buffer.from(fragment));
    if (!isLast) return undefined;
    this.#open = undefined;
    return { streamId, endsStream: open.endsStream, bytes: Buffer.concat(open.parts) };
  }
}

/** Writes a header block in as many frames as it takes (RFC 9113 section 6.10). */
export function writeHeaderBlock(outbox: Outbox, { streamId, endsStream: isLast, bytes }: HeaderBlock): void {
  let rest = bytes;
  let type: number = FRAME.HEADERS;
  let flags = isLast ? FLAG.END_STREAM : 0;
  do {
    const part = rest.subarray(0, DEFAULT_MAX_FRAME_BYTES);
    rest = rest.subarray(part.length);
    if (rest.length === 0) flags |= FLAG.END_HEADERS;
    writeFrameHead(outbox.reserve(FRAME_HEADER_BYTES), 0, { type, flags, streamId, payloadBytes: part.length });
    outbox.append(part);
    type = FRAME.CONTINUATION;
    flags = 0;
  } while (rest.length > 0);
}

/** The payload without its padding, and for HEADERS without its priority (RFC 9113 sections 6.1, 6.2). */
export function unpadded(head: FrameHead, payload: Buffer): Buffer {
  let start = 0;
  let end = payload.length;
  if ((head.flags & FLAG.PADDED) !== 0) {
    end -= payload[0] ?? 0;
    start = 1;
  }
  if (head.type === FRAME.HEADERS && (head.flags & FLAG.PRIORITY) !== 0) start += 5;
  if (start > end) throw new Http2Violation(H2_ERROR.PROTOCOL_ERROR, "more padding than payload");
  return payload.subarray(start, end);
}
