import { DEFAULT_MAX_FRAME_BYTES, FLAG, FRAME, FRAME_HEADER_BYTES, writeFrameHead } from "./frame.ts";
import { STATUS } from "./grpc-status.ts";

/** A literal field that no table remembers (RFC 7541 section 6.2.2); short texts only. */
function literal(name: string, value: string): Buffer {
  const parts = [Buffer.of(0x00), textOf(name), textOf(value)];
  return Buffer.concat(parts);
}

/** Names and values here are below 127 bytes or cut to it by the caller; longer ones take more length bytes. */
function textOf(text: string): Buffer {
  const bytes = Buffer.from(text, "latin1");
  if (bytes.length < 0x7f) return Buffer.concat([Buffer.of(bytes.length), bytes]);
  const length = [0x7f];
  let rest = bytes.length - 0x7f;
  while (rest >= 0x80) {
    length.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  return Buffer.concat([Buffer.from([...length, rest]), bytes]);
}

/** `:status: 200` of the static table, and what every gRPC answer says. No table is used: the same bytes serve every stream of every connection. */
const HEADERS_BLOCK = Buffer.concat([Buffer.of(0x88), literal("content-type", "application/grpc")]);

const OK_TRAILERS_BLOCK = literal("grpc-status", String(STATUS.OK));

/** Longest details that are sent, characters before they are escaped. */
const MAX_DETAIL_CHARS = 1024;

/** The head of an answer. */
export const responseHead = (streamId: number): Buffer => headersFrame(streamId, FLAG.END_HEADERS, HEADERS_BLOCK);

/** The end of an answer. */
export function responseEnd(streamId: number, { code, details }: { readonly code: number; readonly details: string }): Buffer {
  const flags = FLAG.END_HEADERS | FLAG.END_STREAM;
  return headersFrame(streamId, flags, code === STATUS.OK ? OK_TRAILERS_BLOCK : trailers(code, details));
}

/** An answer without a message: head and end in one frame. */
export function trailersOnly(streamId: number, { code, details }: { readonly code: number; readonly details: string }): Buffer {
  return headersFrame(streamId, FLAG.END_HEADERS | FLAG.END_STREAM, Buffer.concat([HEADERS_BLOCK, trailers(code, details)]));
}

/** A plain HTTP answer to what is no gRPC request. */
export const plainStatus = (streamId: number, status: string): Buffer =>
  headersFrame(streamId, FLAG.END_HEADERS | FLAG.END_STREAM, literal(":status", status));

/** Bytes a whole answer of one message takes on the wire, its length prefix included in `framedBytes`. */
export const wholeAnswerBytes = (framedBytes: number): number =>
  3 * FRAME_HEADER_BYTES + HEADERS_BLOCK.length + framedBytes + OK_TRAILERS_BLOCK.length;

/** Writes head, message and end of a successful answer into one piece of memory. */
export function writeWholeAnswer(into: Buffer, streamId: number, framed: Buffer): void {
  let offset = writeFrameHead(into, 0, {
    type: FRAME.HEADERS,
    flags: FLAG.END_HEADERS,
    streamId,
    payloadBytes: HEADERS_BLOCK.length,
  });
  offset += HEADERS_BLOCK.copy(into, offset);
  offset = writeFrameHead(into, offset, { type: FRAME.DATA, flags: 0, streamId, payloadBytes: framed.length });
  offset += framed.copy(into, offset);
  const flags = FLAG.END_HEADERS | FLAG.END_STREAM;
  offset = writeFrameHead(into, offset, { type: FRAME.HEADERS, flags, streamId, payloadBytes: OK_TRAILERS_BLOCK.length });
  OK_TRAILERS_BLOCK.copy(into, offset);
}

const trailers = (code: number, details: string): Buffer =>
  Buffer.concat([
    literal("grpc-status", String(code)),
    literal("grpc-message", escaped(details.slice(0, MAX_DETAIL_CHARS).toWellFormed())),
  ]);

/** Percent-encoding as gRPC wants it: what is not printable ASCII, and the sign itself. */
const escaped = (details: string): string => details.replaceAll(/[^ -$&-~]/gu, encodeURIComponent);

function headersFrame(streamId: number, flags: number, block: Buffer): Buffer {
  if (block.length > DEFAULT_MAX_FRAME_BYTES) throw new RangeError("a header block of our own is too large");
  const frame = Buffer.allocUnsafe(FRAME_HEADER_BYTES + block.length);
  block.copy(frame, writeFrameHead(frame, 0, { type: FRAME.HEADERS, flags, streamId, payloadBytes: block.length }));
  return frame;
}
