import { DEFAULT_MAX_FRAME_BYTES, DEFAULT_WINDOW_BYTES, H2_ERROR, Http2Violation, MAX_WINDOW_BYTES, SETTING } from "./frame.ts";

/** What a server told of itself, as far as a client minds. */
export interface PeerSettings {
  readonly headerTableBytes: number;
  readonly maxConcurrentStreams: number;
  readonly initialWindowBytes: number;
}

/** Before the server's first word. */
export const DEFAULT_SETTINGS: PeerSettings = {
  headerTableBytes: 4096,
  // unlimited where it is not said (Go's servers do not); callers have bounds of their own
  maxConcurrentStreams: 0xffff_ffff,
  initialWindowBytes: DEFAULT_WINDOW_BYTES,
};

/** Takes one SETTINGS payload; values out of range end the connection (RFC 9113 section 6.5.2), unknown settings mean nothing. */
export function withSettings(
  before: PeerSettings,
  payload: Buffer,
  { mayEnablePush = false }: { /** Only a client may. */ readonly mayEnablePush?: boolean } = {},
): PeerSettings {
  if (payload.length % 6 !== 0) throw new Http2Violation(H2_ERROR.FRAME_SIZE_ERROR, "a SETTINGS frame of an odd size");
  const settings = { ...before };
  for (let offset = 0; offset < payload.length; offset += 6) {
    const value = payload.readUInt32BE(offset + 2);
    switch (payload.readUInt16BE(offset)) {
      case SETTING.HEADER_TABLE_SIZE:
        settings.headerTableBytes = value;
        break;
      case SETTING.MAX_CONCURRENT_STREAMS:
        settings.maxConcurrentStreams = value;
        break;
      case SETTING.INITIAL_WINDOW_SIZE:
        if (value > MAX_WINDOW_BYTES)
          throw new Http2Violation(H2_ERROR.FLOW_CONTROL_ERROR, "an initial window that is too large");
        settings.initialWindowBytes = value;
        break;
      case SETTING.ENABLE_PUSH:
        if (value > (mayEnablePush ? 1 : 0)) throw new Http2Violation(H2_ERROR.PROTOCOL_ERROR, "a server that enables push");
        break;
      case SETTING.MAX_FRAME_SIZE:
        // larger frames than everybody takes are not sent anyway
        if (value < DEFAULT_MAX_FRAME_BYTES || value > 0xff_ffff)
          throw new Http2Violation(H2_ERROR.PROTOCOL_ERROR, "a frame size out of range");
        break;
      default:
    }
  }
  return settings;
}
