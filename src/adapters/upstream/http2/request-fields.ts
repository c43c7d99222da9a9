import type { Field } from "@sallyport/lean-grpc/hpack-table.ts";
import { isHeaderName, isHeaderValue } from "../../../model/header-text.ts";
import { isStream } from "../../../model/byte-stream.ts";
import { err, ok, type Result } from "../../../model/result.ts";
import type { UpstreamRequest } from "../../../ports/upstream.ts";

/** What a request's fields follow from besides the request. */
export interface RequestFieldTerms {
  readonly scheme: "http" | "https";
  /** The host where the request names none. */
  readonly authority: string;
}

/**
 * The header block of a request (RFC 9113 section 8.3.1): names in lower case, the host as `:authority`. A text that would not be read as
 * what it stands for is an error, as is more than one host. Lines about connection and framing are left out, `expect` too: both are ours to
 * say. gRPC asks for trailers (`te`), whatever became of the client's own word.
 */
export function requestFields(
  { method, requestTarget, headers, body }: UpstreamRequest,
  { scheme, authority }: RequestFieldTerms,
): Result<readonly Field[]> {
  if (!TOKEN.test(method) || method === "CONNECT") return err("illegal method");
  if (!REQUEST_TARGET.test(requestTarget)) return err("illegal request target");
  const hosts: string[] = [];
  const lines: Field[] = [];
  let illegal: string | undefined;
  const { isWritable } = headers;
  headers.each((name, value) => {
    if (OURS.has(name)) return;
    if (!isWritable) illegal ??= faultOf(name, value);
    if (name === "host") hosts.push(value);
    else lines.push([name, value]);
  });
  if (hosts.length > 1) illegal ??= "more than one host line";
  if (illegal !== undefined) return err(illegal);
  const bytes = isStream(body) ? body.declaredBytes : body?.byteLength;
  if (bytes !== undefined && (bytes > 0 || isStream(body))) lines.push(["content-length", String(bytes)]);
  if (headers.first("content-type")?.startsWith("application/grpc") === true) lines.push(["te", "trailers"]);
  return ok([
    [":method", method],
    [":scheme", scheme],
    [":authority", hosts[0] ?? authority],
    [":path", requestTarget],
    ...lines,
  ]);
}

function faultOf(name: string, value: string): string | undefined {
  if (!isHeaderName(name)) return "illegal header name";
  return isHeaderValue(value) ? undefined : `illegal value of header ${name.slice(0, 64)}`;
}

const OURS: ReadonlySet<string> = new Set([
  ...["connection", "content-length", "expect", "http2-settings", "keep-alive", "proxy-connection"],
  ...["te", "trailer", "transfer-encoding", "upgrade"],
]);

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const REQUEST_TARGET = /^(?:\/[\x21-\x7e\x80-\xff]*|\*)$/;
