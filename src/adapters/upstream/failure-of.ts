import type { UpstreamFailure } from "../../ports/upstream.ts";

/** What an error of the HTTP client means for the exchange; the message goes to the log. What is not known is a connection that broke. */
export function failureOf(error: Error): UpstreamFailure {
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  const cause = code === "" ? error.message : `${code}: ${error.message}`;
  return { problem: problemOf(error, code), cause };
}

function problemOf({ name, message }: Error, code: string): UpstreamFailure["problem"] {
  // by name: undici leaves the code of its parser's errors empty
  if (name === "HTTPParserError" || INVALID_RESPONSE.has(code)) return "upstream_invalid_response";
  // undici has one code for all socket trouble, a response nobody asked for and an unwanted 101 included
  if (message === "bad response" || message === "bad upgrade") return "upstream_invalid_response";
  if (code === "UND_ERR_CONNECT_TIMEOUT" || code === "ETIMEDOUT") return "upstream_timeout";
  // the request cannot be written: its length is not what was declared, or a name or value no header may have
  if (code === "UND_ERR_REQ_CONTENT_LENGTH_MISMATCH" || code === "UND_ERR_INVALID_ARG" || code === "UND_ERR_NOT_SUPPORTED")
    return "bad_request";
  // the connection stood, so the upstream may have acted on what it read: nothing that invites a repeat
  return BROKEN.has(code) ? "upstream_invalid_response" : "upstream_unreachable";
}

const BROKEN: ReadonlySet<string> = new Set(["UND_ERR_SOCKET", "ECONNRESET", "EPIPE"]);

const INVALID_RESPONSE: ReadonlySet<string> = new Set([
  "UND_ERR_HEADERS_OVERFLOW",
  "UND_ERR_RES_CONTENT_LENGTH_MISMATCH",
  "UND_ERR_RES_EXCEEDED_MAX_SIZE",
]);
