import { randomFillSync } from "node:crypto";
import type { Ids } from "../../ports/ids.ts";

/** Randomness is drawn from the system this many 16-bit numbers at a time: one call per some 150 exchanges instead of three per exchange. */
const POOL_NUMBERS = 4096;

/** Crockford's base 32, lower case: no letter is taken for a digit, and text order is number order. */
const BASE32 = "0123456789abcdefghjkmnpqrstvwxyz";

/** Two characters, ten bits. */
const BASE32_PAIRS = Array.from({ length: 1024 }, (_, bits) => `${BASE32[bits >> 5]}${BASE32[bits & 31]}`);

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/**
 * Ids of this machine. A request id has 26 characters: 10 of wall-clock milliseconds, 16 of randomness (80 bits), so that
 * ids sort by time and cannot be guessed.
 */
export function systemIds(wallMs: () => number = Date.now): Ids {
  const draw = randomNumbers(new Uint16Array(POOL_NUMBERS));
  let stampedMs = -1;
  let stamp = "";
  return {
    requestId() {
      const nowMs = wallMs();
      if (nowMs !== stampedMs) {
        stampedMs = nowMs;
        stamp = base32Time(nowMs);
      }
      let id = stamp;
      for (let i = 0; i < 8; i += 1) id += BASE32_PAIRS[draw() & 1023];
      return id;
    },
    traceId: () => hexId(8, draw),
    spanId: () => hexId(4, draw),
  };
}

/** Numbers of 0 … 65535. */
function randomNumbers(pool: Uint16Array): () => number {
  let next = pool.length;
  return () => {
    if (next === pool.length) {
      randomFillSync(pool);
      next = 0;
    }
    const number = pool[next] ?? 0;
    next += 1;
    return number;
  };
}

/** W3C trace context calls an id of zeros invalid, so a first number of zero is drawn again. */
function hexId(numbers: number, draw: () => number): string {
  let number = draw();
  while (number === 0) number = draw();
  let id = `${HEX[number >> 8]}${HEX[number & 255]}`;
  for (let i = 1; i < numbers; i += 1) {
    number = draw();
    id += `${HEX[number >> 8]}${HEX[number & 255]}`;
  }
  return id;
}

/** 48 bits in 10 characters. */
function base32Time(wallMs: number): string {
  let rest = Math.floor(wallMs);
  let text = "";
  for (let i = 0; i < 10; i += 1) {
    text = BASE32[rest % 32] + text;
    rest = Math.floor(rest / 32);
  }
  return text;
}
