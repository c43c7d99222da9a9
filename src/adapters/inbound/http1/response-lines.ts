import { STATUS_CODES } from "node:http";
import type { FramedResponse } from "../response-framing.ts";

/** How a response ends, as its head says. */
export interface ResponseTerms {
  readonly minor: number;
  /** Whether the connection may carry another request, as far as the codec knows. */
  readonly persistent: boolean;
  readonly keptSeconds: number;
  /** Value of the date line. */
  readonly date: string;
}

/** A response head as it is written, a character a byte. */
export interface ResponseLines {
  readonly text: string;
  readonly chunked: boolean;
  /** Whether the connection ends behind the response, as the head tells. */
  readonly closes: boolean;
}

/**
 * Status line and header lines. Throws, as a bug of ours, on what would be read as something else than the one line it stands for, and on
 * a status that is not final. A 101 names the one protocol there is to change to.
 */
export function responseLines({ status, raw, body, promisedBytes }: FramedResponse, terms: ResponseTerms): ResponseLines {
  const switches = status === 101;
  if (!Number.isInteger(status) || (status < 200 && !switches) || status > 999)
    throw new RangeError(`the status ${status} is not final`);
  let text = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? "unknown"}\r\n`;
  let isDated = false;
  let closes = !terms.persistent;
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] ?? "";
    const value = raw[i + 1] ?? "";
    if (!TOKEN.test(name)) throw new TypeError("a header name is not writable");
    if (UNWRITABLE.test(value)) throw new TypeError(`the value of header ${name.slice(0, 64)} is not writable`);
    if (name.length === 4 && name.toLowerCase() === "date") isDated = true;
    // written below
    if (name === "connection") closes = true;
    else text += `${name}: ${value}\r\n`;
  }
  if (switches) return { text: `${text}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n`, chunked: false, closes: true };
  const endless = body !== undefined && promisedBytes === undefined;
  const chunked = endless && terms.minor === 1;
  closes ||= endless && !chunked;
  if (!isDated) text += `Date: ${terms.date}\r\n`;
  text += closes ? "Connection: close\r\n" : `Connection: keep-alive\r\nKeep-Alive: timeout=${terms.keptSeconds}\r\n`;
  if (chunked) text += "Transfer-Encoding: chunked\r\n";
  return { text: `${text}\r\n`, chunked, closes };
}

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const UNWRITABLE = /[^\t\x20-\x7e\x80-\xff]/;
