import { FLAG, H2_ERROR, Http2Violation, type FrameHead } from "./frame.ts";

/** The increment of a WINDOW_UPDATE (RFC 9113 section 6.9). */
export function windowIncrement(payload: Buffer): number {
  if (payload.length !== 4) throw new Http2Violation(H2_ERROR.FRAME_SIZE_ERROR, "a WINDOW_UPDATE of a wrong size");
  const bytes = payload.readUInt32BE(0) & 0x7fff_ffff;
  if (bytes === 0) throw new Http2Violation(H2_ERROR.PROTOCOL_ERROR, "a WINDOW_UPDATE of nothing");
  return bytes;
}

/** The error code of a RST_STREAM (section 6.4). */
export function resetCode(payload: Buffer): number {
  if (payload.length !== 4) throw new Http2Violation(H2_ERROR.FRAME_SIZE_ERROR, "a RST_STREAM of a wrong size");
  return payload.readUInt32BE(0);
}

/** Whether a PING is an answer to ours (section 6.7). */
export function isPong({ flags, streamId }: FrameHead, payload: Buffer): boolean {
  if (payload.length !== 8) throw new Http2Violation(H2_ERROR.FRAME_SIZE_ERROR, "a PING of a wrong size");
  if (streamId !== 0) throw new Http2Violation(H2_ERROR.PROTOCOL_ERROR, "a PING on a stream");
  return (flags & FLAG.ACK) !== 0;
}

/** The last stream a GOAWAY leaves alive (section 6.8). */
export function lastStreamOf({ streamId }: FrameHead, payload: Buffer): number {
  if (streamId !== 0) throw new Http2Violation(H2_ERROR.PROTOCOL_ERROR, "a GOAWAY on a stream");
  if (payload.length < 8) throw new Http2Violation(H2_ERROR.FRAME_SIZE_ERROR, "a GOAWAY of a wrong size");
  return payload.readUInt32BE(0) & 0x7fff_ffff;
}

/** Whether SETTINGS are the acknowledgement of ours (section 6.5). */
export function isSettingsAck({ flags, streamId }: FrameHead, payload: Buffer): boolean {
  if (streamId !== 0) throw new Http2Violation(H2_ERROR.PROTOCOL_ERROR, "SETTINGS on a stream");
  if ((flags & FLAG.ACK) === 0) return false;
  if (payload.length > 0) throw new Http2Violation(H2_ERROR.FRAME_SIZE_ERROR, "an acknowledgement with settings");
  return true;
}

/** A head of a stream only a client opens. */
export function fromClient(head: FrameHead): FrameHead {
  if (head.streamId % 2 === 1) return head;
  throw new Http2Violation(H2_ERROR.PROTOCOL_ERROR, "a stream that no client opens");
}
