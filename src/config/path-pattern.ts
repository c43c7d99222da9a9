import { err, ok, type Result } from "../model/result.ts";
import { comparablePath, type PathPattern, type PathSegment } from "../model/path-pattern.ts";
import { normalisePath } from "../model/request-path.ts";

const MAX_PATTERN_LENGTH = 1024;
const MAX_SEGMENTS = 64;

/**
 * Parses a path pattern. The pattern must itself be a normalised path (C25): what the gateway would never make of a request,
 * such as `//`, `/./`, `%41` or `%2f`, would never match and is refused. The error is one fragment, with the right spelling where
 * there is one.
 */
export function parsePathPattern(source: string): Result<PathPattern, string> {
  if (!source.startsWith("/")) return err("expected a path that begins with /");
  if (source.length > MAX_PATTERN_LENGTH) return err(`expected at most ${MAX_PATTERN_LENGTH} characters`);
  if (/[?#]/.test(source)) return err("expected a path without query and fragment: conditions on the query go into match.query");
  const texts = source.slice(1).split("/");
  if (texts.length > MAX_SEGMENTS) return err(`expected at most ${MAX_SEGMENTS} segments`);
  const segments: PathSegment[] = [];
  for (const [index, text] of texts.entries()) {
    const segment = parseSegment(text, index === texts.length - 1);
    if (!segment.ok) return segment;
    segments.push(segment.value);
  }
  const captures = segments.flatMap((segment) => (segment.kind === "capture" ? [segment.name] : []));
  if (new Set(captures).size < captures.length) return err("expected each :name once");
  return ok({ source, segments });
}

/** The pattern of gRPC calls: `/package.Service/Method`, `*` for what is left open. */
export const grpcPath = (service: string | undefined, method: string | undefined): string =>
  `/${service ?? "*"}/${method ?? "*"}`;

function parseSegment(text: string, isLast: boolean): Result<PathSegment, string> {
  if (text === "**") return isLast ? ok({ kind: "globstar" }) : err("** can only be the last segment");
  if (text === "*") return ok({ kind: "star" });
  if (text.startsWith(":")) {
    const name = text.slice(1);
    return /^[A-Za-z_][A-Za-z0-9_]{0,63}$/.test(name)
      ? ok({ kind: "capture", name })
      : err("expected a name of letters, digits and underscores behind :");
  }
  if (text.includes("*")) return err("* stands for a whole segment (write %2A for the character)");
  if (text === "")
    return isLast ? ok({ kind: "literal", text }) : err("requests never have // in their path: slashes are merged");
  if (text === "." || text === "..") return err("requests never have . and .. segments: they are removed");
  return parseLiteral(text);
}

function parseLiteral(text: string): Result<PathSegment, string> {
  const plain = text.replaceAll(/%[0-9A-Fa-f]{2}/g, "");
  if (plain.includes("%")) return err("expected two hexadecimal digits behind %");
  const [bare] = /[^A-Za-z0-9._~!$&'()*+,;=:@-]/u.exec(plain) ?? [];
  if (bare !== undefined) return err(`requests carry this character percent-encoded: write ${percentEncode(bare)}`);
  const normal = normalisePath(`/${text}`);
  if (!normal.ok) return err(`requests with such a path are refused (${normal.error})`);
  return normal.value === `/${text}`
    ? ok({ kind: "literal", text: comparablePath(text) })
    : err(`requests never have this in their path: write ${normal.value.slice(1)}`);
}

const percentEncode = (character: string): string =>
  [...new TextEncoder().encode(character)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`).join("");
