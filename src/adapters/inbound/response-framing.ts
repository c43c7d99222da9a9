import { isFraming, isHopByHop } from "@sallyport/contract/view-field.ts";
import { isStream, type Body } from "../../model/byte-stream.ts";
import type { Response } from "../../model/exchange.ts";

/** A response with its framing decided. */
export interface FramedResponse {
  readonly status: number;
  /** Names and values, alternating, the last word on length and connection included. */
  readonly raw: string[];
  /** What follows the head; undefined: nothing. */
  readonly body: Body;
  /** Bytes the head promises; undefined: chunked, or up to the end of the connection. */
  readonly promisedBytes: number | undefined;
}

/**
 * Decides how a response is delimited, whatever its own headers say: by the length of its bytes, the declared length of its
 * stream, else chunked (the server's default). A response to HEAD, 204 and 304 has no body; the first and the last may still
 * say how long it would be. Hop-by-hop lines never leave.
 */
export function frame(response: Response, request: { readonly method: string; readonly closes: boolean }): FramedResponse {
  const { status, body } = response;
  const raw: string[] = [];
  response.headers.each((name, value, writtenName) => {
    if (!isFraming(name) && !isHopByHop(name)) raw.push(writtenName, value);
  });
  // the codec says which protocol comes behind it
  if (status === 101) return { status, raw, body, promisedBytes: undefined };
  if (request.closes) raw.push("connection", "close");
  const isBodyless = request.method === "HEAD" || status === 204 || status === 304;
  const length = isStream(body) ? body.declaredBytes : (body?.byteLength ?? (isBodyless ? statedLength(response) : 0));
  if (length !== undefined && status !== 204) raw.push("content-length", String(length));
  if (!isBodyless) return { status, raw, body, promisedBytes: length };
  if (isStream(body)) body.discard();
  return { status, raw, body: undefined, promisedBytes: 0 };
}

/** What the upstream said the length would be, where it is one canonical decimal. */
function statedLength({ headers }: Response): number | undefined {
  const lines = headers.lines("content-length");
  if (lines.length === 0) return undefined;
  const bytes = Number(lines[0]);
  return lines.length === 1 && String(bytes) === lines[0] && Number.isSafeInteger(bytes) && bytes >= 0 ? bytes : undefined;
}
