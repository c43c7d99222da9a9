import { isStream } from "../../../model/byte-stream.ts";
import { err, ok, type Result } from "../../../model/result.ts";
import type { UpstreamRequest } from "../../../ports/upstream.ts";
import { isIdempotent } from "../../../model/idempotent-method.ts";

/**
 * Request line and header lines, a character a byte, up to where the lines that frame the body are added. A text that would
 * be read as something else than the one line it stands for is an error, as is more than one host. Lines about connection and framing are left
 * out, `expect` too: both are ours to say, and the body is sent without asking. `authority` is the host where none is given.
 */
export function requestHead({ method, requestTarget, headers, upgrade }: UpstreamRequest, authority: string): Result<string> {
  if (!TOKEN.test(method) || method === "CONNECT") return err("illegal method");
  if (!REQUEST_TARGET.test(requestTarget)) return err("illegal request target");
  let head = `${method} ${requestTarget} HTTP/1.1\r\n`;
  let hosts = 0;
  let illegal: string | undefined;
  // mostly they were judged at ingress, line by line, and are the same lines
  const { isWritable } = headers;
  headers.each((name, value, writtenName) => {
    if (OURS.has(name)) return;
    if (name === "host") hosts += 1;
    if (!isWritable) illegal ??= faultOf(writtenName, value);
    head += `${writtenName}: ${value}\r\n`;
  });
  if (hosts > 1) illegal = "more than one host line";
  if (illegal !== undefined) return err(illegal);
  if (upgrade !== undefined) head += `connection: upgrade\r\nupgrade: ${upgrade}\r\n`;
  return ok(hosts === 0 ? `${head}host: ${authority}\r\n` : head);
}

// more lenient than `isWritable`: white space around a value is not our business here
function faultOf(writtenName: string, value: string): string | undefined {
  if (!TOKEN.test(writtenName)) return "illegal header name";
  return UNWRITABLE.test(value) ? `illegal value of header ${writtenName.slice(0, 64)}` : undefined;
}

/** The line that frames a body of this many bytes, undefined: chunked; and the empty line that ends the head. */
export const framingLines = (bytes: number | undefined): string =>
  bytes === undefined ? "transfer-encoding: chunked\r\n\r\n" : `content-length: ${bytes}\r\n\r\n`;

/** The same without a body: only where one is usual its absence is said (RFC 9110 section 8.6). */
export const noBodyLines = (method: string): string => (USUALLY_WITH_BODY.has(method) ? framingLines(0) : "\r\n");

/** Whether a request of which the kernel took nothing may be written to another connection. */
export const mayBeWrittenAgain = ({ method, body }: UpstreamRequest, head: string): boolean =>
  isIdempotent(method) && !isStream(body) && (body?.byteLength ?? 0) === 0 && head.length <= MAX_REPEATED_BYTES;

/** More might have left in part. */
const MAX_REPEATED_BYTES = 16 * 1024;

const USUALLY_WITH_BODY: ReadonlySet<string> = new Set(["POST", "PUT", "PATCH"]);

const OURS: ReadonlySet<string> = new Set([
  ...["connection", "content-length", "expect", "keep-alive", "proxy-connection"],
  ...["te", "trailer", "transfer-encoding", "upgrade"],
]);

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const REQUEST_TARGET = /^(?:\/[\x21-\x7e\x80-\xff]*|\*)$/;
const UNWRITABLE = /[^\t\x20-\x7e\x80-\xff]/;
