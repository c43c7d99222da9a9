import type { FramedResponse } from "../response-framing.ts";

/**
 * A response's header block as Node takes it: names in lower case and values, alternating. Throws, as a bug of ours, on what would be
 * read as something else, and on a status that is not final. That the connection ends is no header in HTTP/2. To one that `opens` a
 * WebSocket 101 is a 200 without a word on the key, and no other 2xx can be said (RFC 8441 section 5).
 */
export function responseBlock({ status, raw }: FramedResponse, opens = false): string[] {
  const isChange = opens && status === 101;
  if (!isChange && (!Number.isInteger(status) || status < 200 || status > 599))
    throw new RangeError(`the status ${status} is not final`);
  if (opens && status >= 200 && status < 300) throw new RangeError(`the status ${status} would open what nobody agreed to`);
  const block = [":status", isChange ? "200" : String(status)];
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] ?? "";
    const value = raw[i + 1] ?? "";
    if (!TOKEN.test(name)) throw new TypeError("a header name is not writable");
    if (UNWRITABLE.test(value)) throw new TypeError(`the value of header ${name.slice(0, 64)} is not writable`);
    if (isChange && name.toLowerCase() === "sec-websocket-accept") continue;
    if (name !== "connection") block.push(name.toLowerCase(), value);
  }
  return block;
}

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const UNWRITABLE = /[^\t\x20-\x7e\x80-\xff]/;
