/** Frame types of HTTP/2 that mean something to us (RFC 9113 section 6). Others are skipped. */
export const FRAME = {
  DATA: 0x0,
  HEADERS: 0x1,
  PRIORITY: 0x2,
  RST_STREAM: 0x3,
  SETTINGS: 0x4,
  PUSH_PROMISE: 0x5,
  PING: 0x6,
  GOAWAY: 0x7,
  WINDOW_UPDATE: 0x8,
  CONTINUATION: 0x9,
} as const;

/** Flags of frames; what a bit means depends on the type. */
export const FLAG = { END_STREAM: 0x1, ACK: 0x1, END_HEADERS: 0x4, PADDED: 0x8, PRIORITY: 0x20 } as const;

/** Error codes of RST_STREAM and GOAWAY (RFC 9113 section 7). */
export const H2_ERROR = {
  NO_ERROR: 0x0,
  PROTOCOL_ERROR: 0x1,
  INTERNAL_ERROR: 0x2,
  FLOW_CONTROL_ERROR: 0x3,
  STREAM_CLOSED: 0x5,
  FRAME_SIZE_ERROR: 0x6,
  REFUSED_STREAM: 0x7,
  CANCEL: 0x8,
  COMPRESSION_ERROR: 0x9,
  ENHANCE_YOUR_CALM: 0xb,
  INADEQUATE_SECURITY: 0xc,
} as const;

/** Settings of RFC 9113 section 6.5.2. */
export const SETTING = {
  HEADER_TABLE_SIZE: 0x1,
  ENABLE_PUSH: 0x2,
  MAX_CONCURRENT_STREAMS: 0x3,
  INITIAL_WINDOW_SIZE: 0x4,
  MAX_FRAME_SIZE: 0x5,
  MAX_HEADER_LIST_SIZE: 0x6,
} as const;

/** Bytes in front of every payload. */
export const FRAME_HEADER_BYTES = 9;

/** Largest payload either side sends before it was told otherwise; we never say otherwise. */
export const DEFAULT_MAX_FRAME_BYTES = 16_384;

/** Flow-control window of a connection, and of a stream, before anybody said otherwise. */
export const DEFAULT_WINDOW_BYTES = 65_535;

/** A window never grows beyond this. */
export const MAX_WINDOW_BYTES = 0x7fff_ffff;

/** What a client sends first (RFC 9113 section 3.4). */
export const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

/** The peer broke the protocol: the connection ends with this code. `message` is a fragment for the log and quotes nothing of the peer's. */
export class Http2Violation extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/** The head of one frame. */
export interface FrameHead {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payloadBytes: number;
}

/** Whether a HEADERS or DATA frame is its sender's last on its stream. */
export const endsStream = ({ flags }: FrameHead): boolean => (flags & FLAG.END_STREAM) !== 0;

/** Writes the nine bytes in front of a payload. Returns the offset behind them. */
export function writeFrameHead(into: Buffer, offset: number, { type, flags, streamId, payloadBytes }: FrameHead): number {
  into[offset] = payloadBytes >>> 16;
  into[offset + 1] = payloadBytes >>> 8;
  into[offset + 2] = payloadBytes;
  into[offset + 3] = type;
  into[offset + 4] = flags;
  return into.writeUInt32BE(streamId, offset + 5);
}

/** A whole small frame: settings, acknowledgements, resets. */
export function smallFrame(type: number, flags: number, streamId: number, payload: Buffer): Buffer {
  const frame = Buffer.allocUnsafe(FRAME_HEADER_BYTES + payload.length);
  payload.copy(frame, writeFrameHead(frame, 0, { type, flags, streamId, payloadBytes: payload.length }));
  return frame;
}

/** A frame whose payload is one number of 32 bits: RST_STREAM, WINDOW_UPDATE. */
export function numberFrame(type: number, streamId: number, value: number): Buffer {
  const payload = Buffer.allocUnsafe(4);
  payload.writeUInt32BE(value);
  return smallFrame(type, 0, streamId, payload);
}

/** A SETTINGS frame. */
export function settingsFrame(settings: readonly (readonly [id: number, value: number])[]): Buffer {
  const payload = Buffer.allocUnsafe(settings.length * 6);
  for (const [index, [id, value]] of settings.entries()) {
    payload.writeUInt16BE(id, index * 6);
    payload.writeUInt32BE(value, index * 6 + 2);
  }
  return smallFrame(FRAME.SETTINGS, 0, 0, payload);
}

/** A GOAWAY frame without debug text. */
export function goawayFrame(lastStreamId: number, code: number): Buffer {
  const payload = Buffer.allocUnsafe(8);
  payload.writeUInt32BE(lastStreamId, 0);
  payload.writeUInt32BE(code, 4);
  return smallFrame(FRAME.GOAWAY, 0, 0, payload);
}
