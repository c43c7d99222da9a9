/** Bytes of memory, as measured on Node 26 and rounded up: a map with room for its first members, one more member, a list, an item, a string, a number beyond 15 digits. */
const COSTS = { map: 200, member: 64, list: 64, item: 24, string: 40, digits: 96 } as const;

/**
 * About how many bytes of memory the value of a text takes that {@link checkJson} found nothing wrong with; rather more than fewer.
 * Takes one pass and no memory: it is asked before there is a value, to decide whether there may be one. (One MiB of `[{"":0},…]` is
 * 29 MB as a value.)
 */
export function jsonTreeBytes(text: string): number {
  let bytes = 0;
  for (let at = 0; at < text.length; at += 1) {
    switch (text.charCodeAt(at)) {
      case 0x22: {
        const end = stringEnd(text, at);
        // one byte a character where all are Latin-1, else two
        bytes += COSTS.string + 2 * (end - at);
        at = end;
        break;
      }
      case 0x7b:
        bytes += COSTS.map;
        break;
      case 0x3a:
        bytes += COSTS.member;
        break;
      case 0x5b:
        bytes += COSTS.list;
        break;
      case 0x2c:
        bytes += COSTS.item;
        break;
      default: {
        const end = numberEnd(text, at);
        // what is not written as its value prints is kept as text
        if (end - at > 1) bytes += COSTS.digits + (end - at);
        at = Math.max(at, end - 1);
      }
    }
  }
  return bytes;
}

function stringEnd(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text.charCodeAt(at) !== 0x22) at += text.charCodeAt(at) === 0x5c ? 2 : 1;
  return at;
}

/** Behind the digits, signs, points and exponents that begin here. */
function numberEnd(text: string, start: number): number {
  let at = start;
  while (at < text.length && isNumeric(text.charCodeAt(at))) at += 1;
  return at;
}

const isNumeric = (unit: number): boolean =>
  (unit >= 0x30 && unit <= 0x39) || unit === 0x2d || unit === 0x2b || unit === 0x2e || unit === 0x65 || unit === 0x45;
