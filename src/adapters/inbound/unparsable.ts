import { STATUS_CODES } from "node:http";
import type { Response } from "../../model/exchange.ts";
import type { Refusal } from "../../model/problem.ts";

/** Bytes that are no request. */
export const UNPARSABLE: Refusal = { problem: "bad_request", detail: "The request is not valid HTTP/1.1." };

/** A head beyond what is read at all. */
export const OVERSIZED_HEAD: Refusal = {
  problem: "headers_too_large",
  detail: "The request line and header lines are too large.",
};

/** A head that is still not whole. */
export const LATE_HEAD: Refusal = { problem: "request_timeout", detail: "The request head did not arrive in time." };

/** What Node's parser or timer objects to, as a refusal. */
export function refusalOf(code: string | undefined): Refusal {
  switch (code) {
    case "HPE_HEADER_OVERFLOW":
      return OVERSIZED_HEAD;
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return LATE_HEAD;
    case "HPE_CHUNK_EXTENSIONS_OVERFLOW":
      return { problem: "bad_request", detail: "The chunk extensions are too large." };
    default:
      return UNPARSABLE;
  }
}

/** There is no tunnel past the reviews. */
export const CONNECT_REFUSED: Refusal = { problem: "method_not_allowed", detail: "CONNECT is not answered here." };

/** A whole response as bytes, for a connection that has no response object; the connection closes behind it. */
export function serialise({ status, headers, body }: Response): Buffer {
  const bytes = body instanceof Uint8Array ? body : new Uint8Array();
  const lines = [`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}`];
  headers.each((_name, value, writtenName) => lines.push(`${writtenName}: ${value}`));
  lines.push(`content-length: ${bytes.byteLength}`, "connection: close", "", "");
  return Buffer.concat([Buffer.from(lines.join("\r\n"), "latin1"), bytes]);
}
