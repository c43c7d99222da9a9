import type { Random } from "./random.ts";

/** At least one. */
export type Choices = readonly [string, ...string[]];

/** Lines about the body and a body that fits them, or nearly. */
export function framed(random: Random, bodies: Choices): { readonly lines: string; readonly body: string } {
  const body = random.pick(bodies);
  const length = `${spelling(random, "Content-Length")}:${blank(random)}${random.oddly(6) ? random.pick(ODD_LENGTHS) : body.length}\r\n`;
  const coding = `${spelling(random, "Transfer-Encoding")}:${blank(random)}${random.oddly(5) ? random.pick(ODD_CODINGS) : "chunked"}\r\n`;
  switch (random.oddly(2) ? random.below(3) : 3 + random.below(5)) {
    case 0:
      return { lines: "", body };
    case 1:
      return { lines: length + coding, body: random.once(2) ? body : chunked(random, body) };
    case 2:
      return { lines: random.once(2) ? length + length : coding + coding, body: random.once(2) ? body : chunked(random, body) };
    case 3:
    case 4:
      return { lines: length, body };
    default:
      return { lines: coding, body: chunked(random, body) };
  }
}

function chunked(random: Random, body: string): string {
  let text = "";
  for (let at = 0; at < body.length;) {
    const size = 1 + random.below(Math.min(body.length - at, 20));
    text += `${chunkSize(random, size)}${extension(random)}${newline(random)}${body.slice(at, at + size)}${newline(random)}`;
    at += size;
  }
  const last = random.oddly(10) ? random.pick(["", "00", "0x0", "-0", "0 ", " 0", "000000000"]) : "0";
  return `${text}${last}${extension(random)}${newline(random)}${random.once(4) ? fields(random) : ""}${newline(random)}`;
}

const chunkSize = (random: Random, size: number): string => {
  const digits = size.toString(16);
  if (!random.oddly(12)) return digits;
  return random.pick([
    digits.toUpperCase(),
    `0${digits}`,
    `0x${digits}`,
    `+${digits}`,
    ` ${digits}`,
    `${digits} `,
    `${digits}g`,
    "",
    "FFFFFFFFF",
    `00000000${digits}`,
  ]);
};

const extension = (random: Random): string => (random.oddly(8) ? random.pick(EXTENSIONS) : "");

/** A line end, mostly. */
export const newline = (random: Random): string =>
  random.oddly(60) ? random.pick(["\n", "\r", "", "\n\r", "\r\r\n", " \r\n"]) : "\r\n";

/** A few header lines. */
export function fields(random: Random): string {
  let text = "";
  for (let left = random.below(4); left > 0; left -= 1) {
    const line = random.oddly(10) ? random.pick(ODD_LINES) : random.pick(LINES);
    text += `${line}${newline(random)}`;
  }
  return text;
}

const blank = (random: Random): string => (random.oddly(6) ? random.pick(["", "  ", "\t", "\t \t", "\x0b", "\xa0"]) : " ");

const spelling = (random: Random, name: string): string => {
  if (!random.oddly(6)) return name;
  return random.pick([
    name.toLowerCase(),
    name.toUpperCase(),
    `${name} `,
    ` ${name}`,
    name.replace("-", "_"),
    `${name}\x00`,
    `x-${name}`,
  ]);
};

/** A few changes anywhere: bytes lost, doubled, changed, put in. */
export function bend(random: Random, whole: string, fragments: Choices): string {
  let text = whole;
  for (let left = 1 + random.below(3); left > 0; left -= 1) {
    const at = random.below(text.length + 1);
    const until = Math.min(text.length, at + 1 + random.below(6));
    switch (random.below(5)) {
      case 0:
        text = text.slice(0, at) + text.slice(until);
        break;
      case 1:
        text = text.slice(0, until) + text.slice(at);
        break;
      case 2:
        text = text.slice(0, at) + String.fromCharCode(random.below(256)) + text.slice(at + 1);
        break;
      case 3:
        text = text.slice(0, at) + random.pick(fragments) + text.slice(at);
        break;
      default:
        text = text.slice(0, at);
    }
  }
  return text;
}

const ODD_LENGTHS = [
  "+2",
  "-2",
  "02",
  "0x2",
  "2, 2",
  "2,3",
  "2 2",
  "",
  "2 ",
  "99999999999999999999",
  "18446744073709551618",
  "1e1",
  "2.0",
  "\xb2",
  "2;",
  "000",
  "2\t",
  "9007199254740993",
] as const;

const ODD_CODINGS = [
  "Chunked",
  "CHUNKED",
  "xchunked",
  "chunkedx",
  "gzip, chunked",
  "chunked, gzip",
  "chunked, chunked",
  "identity",
  "gzip",
  "",
  '"chunked"',
  "chunked;q=1",
  "chunked,",
  ",chunked",
  "\x0bchunked",
  "chunked\x00",
  "chunked\t",
  "chunked \t",
  "\tchunked",
  "chun ked",
  "chunked ",
] as const;

const EXTENSIONS = [
  ";",
  ";a",
  ";a=b",
  ';a="b"',
  ';a="b;c"',
  ';a="\\""',
  ";a=b;c=d",
  "; a=b",
  " ;a=b",
  ";a =b",
  ";a= b",
  ";\x00",
  ";a\n",
  ";a\r",
  ";=b",
  ";;",
  ";a;",
  ';a="b',
  ";a=\x80",
  `;${"a".repeat(300)}`,
  " ",
  "\t",
] as const;

const LINES = [
  "X-A: 1",
  "Set-Cookie: a=b; Path=/",
  "Content-Type: text/plain",
  "Connection: close",
  "Connection: keep-alive",
  "Keep-Alive: timeout=5",
  "Connection: keep-alive, close",
  "X-Empty:",
  "X-Space:  a b  ",
  "X-High: caf\xe9",
  "x!#$%&'*+-.^_`|~9: 1",
  "Upgrade: h2c",
] as const;

const ODD_LINES = [
  "X A: 1",
  "X-A : 1",
  ": 1",
  "X-A",
  " X-A: 1",
  "\tfolded",
  "X-A: a\x00b",
  "X-A: a\x01b",
  "X-A: a\x7fb",
  "X-A: a\rb",
  "X-A: a\nContent-Length: 9",
  "X\xe9: 1",
  "X\x00: 1",
  "X(: 1",
  '"X": 1',
  "Connection: Upgrade",
  "Trailer: X",
  "Connection: close, x",
  "Proxy-Connection: close",
  "X-A: 1\r\n folded",
  "X-A:\r\n 1",
  "@: 1",
  "X-A:: 1",
  "Content-Length",
  "Content-Length:",
] as const;
