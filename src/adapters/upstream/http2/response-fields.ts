import type { Field } from "@sallyport/lean-grpc/hpack-table.ts";
import { isHeaderName, isHeaderValue } from "../../../model/header-text.ts";
import { HeaderLines } from "../../../model/header-lines.ts";
import { err, ok, type Result } from "../../../model/result.ts";
import { readResponseHead, type ResponseHead } from "../response-head.ts";

/** A block of response fields: a head before the final one, which is dropped (C26), or the final one. */
export type ReadHead = { readonly kind: "interim" } | ({ readonly kind: "final" } & ResponseHead);

/**
 * Judges a response's header block (RFC 9113 sections 8.2, 8.3.2). Refused is what two readers could take differently: another pseudo-field
 * than one status of three digits in front, a name that is not in lower case, a field about the connection, white space around a value, a
 * length that is not one canonical decimal, a status beyond 599, a 101.
 */
export function readHead(method: string, fields: readonly Field[]): Result<ReadHead> {
  const [first, ...rest] = fields;
  if (first?.[0] !== ":status" || !/^[1-9][0-9]{2}$/.test(first[1])) return err("no status");
  const lines = linesOf(rest);
  if (!lines.ok) return lines;
  const status = Number(first[1]);
  if (status === 101) return err("status 101");
  if (status < 200) return ok({ kind: "interim" });
  const head = readResponseHead(method, status, lines.value);
  return head.ok ? ok({ kind: "final", ...head.value }) : head;
}

/** Judges trailers: no pseudo-field, and legal as a head's. */
export function readTrailers(fields: readonly Field[]): Result<HeaderLines> {
  const lines = linesOf(fields);
  return lines.ok ? ok(HeaderLines.fromRaw(lines.value)) : lines;
}

/** Names and values, alternating. */
function linesOf(fields: readonly Field[]): Result<string[]> {
  const raw: string[] = [];
  for (const [name, value] of fields) {
    if (name.startsWith(":")) return err("a pseudo-header out of place");
    if (!isHeaderName(name)) return err("illegal header name");
    if (ABOUT_CONNECTION.has(name)) return err(`header ${name} in HTTP/2`);
    if (!isHeaderValue(value)) return err(`illegal value of header ${name.slice(0, 64)}`);
    raw.push(name, value);
  }
  return ok(raw);
}

const ABOUT_CONNECTION: ReadonlySet<string> = new Set([
  ...["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"],
]);
