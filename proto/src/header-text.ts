/**
 * Whether a text is a header name as the contract writes it: a token of RFC 9110 section 5.6.2 in lower case,
 * at most 256 characters. Pseudo-headers are none.
 */
export const isHeaderName = (name: string): boolean => name.length <= 256 && NAME.test(name);

/**
 * Whether a text can be written as one header line: no control character but HTAB, no white space at either end,
 * nothing above U+00FF (C25: U+0080 to U+00FF stand for the bytes 0x80 to 0xFF).
 */
export const isHeaderValue = (value: string): boolean => VALUE.test(value);

/** Several lines of one header as one text: joined by ", ", `cookie` by "; " (RFC 9110 section 5.3, RFC 9113 section 8.2.3). */
export function joinLines(name: string, lines: readonly string[]): string {
  if (lines.length === 1) return lines[0] ?? "";
  return lines.join(name === "cookie" ? "; " : ", ");
}

const NAME = /^[a-z0-9!#$%&'*+.^_`|~-]+$/;

// linear: each position is tried once, whatever the length of the value
const VALUE = /^(?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?$/;
