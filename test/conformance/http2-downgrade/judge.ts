import { HOST, type DowngradeForm } from "./forms.ts";

/**
 * Whether RFC 9113 wants a request refused for its header blocks alone: a name or value with a character that none may have (8.2.1), a
 * field about the connection (8.2.2), pseudo-headers that are unknown, out of place, missing or too many (8.3).
 */
export const isMalformed = ({ fields, trailers = [] }: DowngradeForm): boolean =>
  fields.some(isIllegal) ||
  trailers.some((field) => isIllegal(field) || field[0].startsWith(":")) ||
  !hasItsPseudoHeaders(fields);

type Field = DowngradeForm["fields"][number];

const isIllegal = ([name, value]: Field): boolean =>
  !/^:?[^\0-\x20A-Z:\x7f-\xff]+$/.test(name) ||
  /[\0\r\n]|^[ \t]|[ \t]$/.test(value) ||
  ABOUT_CONNECTION.has(name) ||
  (name === "te" && value !== "trailers");

const ABOUT_CONNECTION: ReadonlySet<string> = new Set([
  ...["connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade"],
]);

function hasItsPseudoHeaders(fields: DowngradeForm["fields"]): boolean {
  const names = fields.map(([name]) => name);
  const pseudo = names.filter((name) => name.startsWith(":"));
  const behind = names.findIndex((name) => !name.startsWith(":"));
  if (behind >= 0 && names.slice(behind).some((name) => name.startsWith(":"))) return false;
  return new Set(pseudo).size === pseudo.length && [...pseudo].toSorted().join() === ":authority,:method,:path,:scheme";
}

/** Whether this text is one HTTP/1.1 request that no two readers take differently, reviewed once. */
export function isOneRequest(text: string): boolean {
  const end = text.indexOf("\r\n\r\n");
  const [requestLine = "", ...lines] = text.slice(0, end).split("\r\n");
  const body = text.slice(end + 4);
  if (end < 0 || !REQUEST_LINE.test(requestLine) || !lines.every((line) => HEADER_LINE.test(line))) return false;
  const values = (name: string): readonly string[] =>
    lines.filter((line) => line.toLowerCase().startsWith(`${name}:`)).map((line) => line.slice(name.length + 1).trim());
  const [lengths, codings] = [values("content-length"), values("transfer-encoding")];
  if (values("x-marker").join() !== "reviewed" || values("host").join() !== HOST) return false;
  if (NEVER.some((name) => values(name).length > 0) || lengths.length + codings.length > 1) return false;
  if (codings.length === 1) return codings[0] === "chunked" && CHUNKS.test(body);
  return body.length === Number(lengths[0] ?? 0) && String(body.length) === (lengths[0] ?? "0");
}

const REQUEST_LINE = /^[A-Z-]+ \/[\x21-\x7e\x80-\xff]* HTTP\/1\.1$/;
const HEADER_LINE = /^[!#$%&'*+.^`|~0-9A-Za-z-]+: (?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?$/;
/** Whole, the last one empty; `[^]` holds whatever a chunk does. */
const CHUNKS = /^(?:[1-9a-f][0-9a-f]*\r\n[^]*?\r\n)*0\r\n(?:[^\r\n]+\r\n)*\r\n$/;
const NEVER = ["x-smuggled", "upgrade", "te", "keep-alive", "proxy-connection", "http2-settings", "expect"];
