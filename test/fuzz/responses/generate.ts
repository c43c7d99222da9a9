import { bend, fields, framed } from "../message-text.ts";
import type { Random } from "../random.ts";

/** One connection's worth of bytes, answering one request. */
export interface ResponseCase {
  readonly method: "GET" | "HEAD";
  readonly bytes: Buffer;
  /** Whether the connection ends behind them. */
  readonly closes: boolean;
}

/** A response that is mostly well-formed: odd in a few places, then bent in a few more. */
export function generateCase(random: Random): ResponseCase {
  random.rarity = random.pick([1, 5, 100]);
  let text = "";
  while (random.once(12)) text += interim(random);
  text += response(random);
  if (random.oddly(5)) text += response(random);
  const bent = random.oddly(2) ? bend(random, text, FRAGMENTS) : text;
  return { method: random.once(8) ? "HEAD" : "GET", bytes: Buffer.from(bent, "latin1"), closes: random.once(2) };
}

const interim = (random: Random): string =>
  `HTTP/1.${random.oddly(8) ? 0 : 1} ${random.pick(["100 Continue", "102 P", "103 Early", "199 x", "101 S"])}\r\n${random.once(3) ? fields(random) : ""}\r\n`;

function response(random: Random): string {
  const line = random.oddly(8) ? random.pick(ODD_STATUS_LINES) : random.pick(STATUS_LINES);
  const { lines, body } = framed(random, BODIES);
  const all = [fields(random), lines, random.once(4) ? fields(random) : ""].join("");
  return `${line}\r\n${all}\r\n${body}`;
}

const STATUS_LINES = [
  "HTTP/1.1 200 OK",
  "HTTP/1.1 204 No Content",
  "HTTP/1.1 304 Not Modified",
  "HTTP/1.0 200 OK",
  "HTTP/1.1 500 ",
  "HTTP/1.1 418",
] as const;

const ODD_STATUS_LINES = [
  ...[
    "HTTP/1.1  200 OK",
    "HTTP/1.1 2000 OK",
    "HTTP/1.1 20 OK",
    "HTTP/1.1 099 x",
    "HTTP/1.1 600 x",
    "HTTP/1.1 999 x",
    "HTTP/1.1 20a x",
  ],
  ...[
    "HTTP/1.2 200 OK",
    "HTTP/2.0 200 OK",
    "HTTP/0.9 200 OK",
    "HTTP/11 200 OK",
    "http/1.1 200 OK",
    "HTTP/1.1\t200 OK",
    " HTTP/1.1 200 OK",
  ],
  ...[
    "HTTP/1.1 200 \x00",
    "HTTP/1.1 200 caf\xe9",
    "HTTP/1.1 200\tOK",
    "HTTP/1.1 200OK",
    "ICY 200 OK",
    "RTSP/1.0 200 OK",
    "HTTP/1.1 200 a\rb",
    "",
  ],
] as unknown as readonly [string, ...string[]]; // a literal of spreads, not empty

const BODIES = [
  "",
  "ok",
  "hello world",
  "0\r\n\r\n",
  "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
  "x".repeat(100),
  "\r\n",
  "5\r\nhello\r\n0\r\n\r\n",
  "\x00\xff",
] as const;

const FRAGMENTS = [
  "\r",
  "\n",
  "\r\n",
  "\r\n\r\n",
  "\x00",
  " ",
  "\t",
  ":",
  ";",
  ",",
  "0",
  "chunked",
  "Content-Length: 1\r\n",
  "Transfer-Encoding: chunked\r\n",
  "HTTP/1.1 200 OK\r\n",
  "0\r\n\r\n",
  "\x80",
  "\x0b",
  "Connection: close\r\n",
] as const;
