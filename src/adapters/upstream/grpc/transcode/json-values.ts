/** What a member of an object weighs: looking its name up costs about twice what an element of a list does. */
const MEMBER = 2;

/**
 * How many values a JSON text has, members of objects counted twice; it stops above `max`. One pass without memory, for any text: it is
 * asked before anything is made of the text, since 4 MiB of names take a second to parse.
 */
export function jsonValues(text: string, max: number): number {
  let values = 0;
  // there are never more than characters
  if (text.length <= max) return values;
  for (let at = 0; at < text.length && values <= max; at += 1) {
    switch (text.charCodeAt(at)) {
      case 0x22:
        at = stringEnd(text, at);
        break;
      case 0x3a: // a member; the comma beside it is the rest of its weight
        values += MEMBER - 1;
        break;
      case 0x2c:
      case 0x5b:
      case 0x7b:
        values += 1;
        break;
      default:
    }
  }
  return values;
}

function stringEnd(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text.charCodeAt(at) !== 0x22) at += text.charCodeAt(at) === 0x5c ? 2 : 1;
  return at;
}
