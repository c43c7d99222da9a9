import type { ServerSessionOptions } from "node:http2";
import type { ListenerLimits } from "../listener-settings.ts";
import { RESETS } from "./connection-costs.ts";

/** Requests of a connection beside each other. */
const MAX_STREAMS = 100;

/** Requests of a connection one after the other; behind them it ends, and the client makes another. */
export const MAX_STREAMS_PER_CONNECTION = 10_000;

/** What a client may send of one body ahead of whoever reads it. */
const STREAM_WINDOW_BYTES = 64 * 1024;

/** What a client may send ahead on one connection. */
export const CONNECTION_WINDOW_BYTES = 1024 * 1024;

/** Frames that break the rules in one connection: a client that keeps them sends none. */
const MAX_INVALID_FRAMES = 200;

/** Further than a limit is a client let in only to be told of it; beyond this its stream is reset. */
const TOLD_FACTOR = 2;

/** Pseudo-header fields of a request. */
const PSEUDO_FIELDS = 4;

/** What Node's HTTP/2 is told of our bounds. */
export const sessionOptions = (limits: ListenerLimits): ServerSessionOptions => ({
  settings: {
    maxConcurrentStreams: MAX_STREAMS,
    initialWindowSize: STREAM_WINDOW_BYTES,
    // counted with 32 bytes a field (RFC 9113 section 6.5.2)
    maxHeaderListSize: TOLD_FACTOR * (limits.maxHeaderBytes + limits.maxUriBytes + 32 * (limits.maxHeaders + PSEUDO_FIELDS)),
    enablePush: false,
    // WebSockets on streams (RFC 8441)
    enableConnectProtocol: true,
  },
  maxHeaderListPairs: TOLD_FACTOR * limits.maxHeaders + PSEUDO_FIELDS,
  maxSessionInvalidFrames: MAX_INVALID_FRAMES,
  maxSessionRejectedStreams: MAX_STREAMS,
  // ours count what the client makes us reset too, and come first; these hold within a packet, before anything is made of its streams
  streamResetBurst: 2 * RESETS.burst,
  streamResetRate: 2 * RESETS.perSecond,
  // what is a field twice, or has a blank at an end, is ingress's to refuse: such a value would be left out
  strictSingleValueFields: false,
  strictFieldWhitespaceValidation: false,
});
