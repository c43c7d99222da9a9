import { sha256Hex } from "./hash.ts";

/**
 * Whether an exchange is among `percent` of all (1 to 100): by the first 32 bits of the SHA-256 of its request id, so that every phase and
 * every replica choose alike, and a smaller share is part of a larger one.
 */
export const isSampled = (requestId: string, percent: number): boolean =>
  percent >= 100 || Number.parseInt(sha256Hex(requestId).slice(0, 8), 16) < (percent / 100) * 2 ** 32;
