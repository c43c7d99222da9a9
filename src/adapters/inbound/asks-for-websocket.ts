import type { HeadCheck } from "./check-head.ts";

/** A request head, as far as it matters here. */
export interface AskingHead {
  readonly method: string;
  readonly minor: number;
  /** Names and values, alternating. */
  readonly raw: readonly string[];
}

/**
 * Whether an accepted head asks for a WebSocket and nothing else, so that its connection may become one (RFC 6455 section 4.1): GET,
 * HTTP/1.1, no body, one Upgrade line of one member, named by Connection. Any other Upgrade is ignored, as RFC 9110 section 7.8 allows.
 */
export function asksForWebSocket({ method, minor, raw }: AskingHead, checked: HeadCheck): boolean {
  // `closes`: there is an Upgrade line; mostly there is none
  if (checked.kind === "refused" || !checked.closes) return false;
  if (method !== "GET" || minor !== 1 || checked.framing.kind !== "none" || checked.expectsContinue) return false;
  let upgrades = 0;
  let isNamed = false;
  for (let i = 0; i < raw.length; i += 2) {
    const name = (raw[i] ?? "").toLowerCase();
    const value = raw[i + 1] ?? "";
    if (name === "upgrade") upgrades += value.toLowerCase() === "websocket" ? 1 : 2;
    if (name === "connection" && UPGRADE.test(value)) isNamed = true;
  }
  return upgrades === 1 && isNamed;
}

const UPGRADE = /(?:^|,)[ \t]*upgrade[ \t]*(?:,|$)/i;
