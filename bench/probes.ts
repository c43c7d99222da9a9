import { idleConnections, idleConnectionsOwnCodec } from "./probes/idle-connections.ts";
import type { Probe } from "./probes/probe.ts";
import { streamedBody } from "./probes/streamed-body.ts";

/** Every probe; each is named by a goal. */
export const PROBES: readonly Probe[] = [idleConnections, idleConnectionsOwnCodec, streamedBody];
