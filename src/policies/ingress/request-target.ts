import { normalisePath, type PathProblem } from "../../model/request-path.ts";
import type { Refusal } from "../../model/problem.ts";
import { err, ok, type Result } from "../../model/result.ts";
import { parseHost } from "./host.ts";

/** What a request target names: the normal path, and the raw text behind `?`. */
export interface Target {
  readonly path: string;
  readonly query: string | undefined;
}

/**
 * Reads a request target (RFC 9112 section 3.2). Origin form, or absolute form whose authority is the host and whose scheme
 * is the connection's; what is left of it is the same either way. `*` names no resource a route could take. A fragment, a
 * byte outside visible ASCII and a path without a normal form are refused.
 */
export function parseTarget(text: string, host: string, scheme: string): Result<Target, Refusal> {
  if (!/^[\x21-\x7e]+$/.test(text)) return refused("The request target has a character that must be percent-encoded.");
  if (text.includes("#")) return refused("A request target has no fragment.");
  if (text === "*") return err({ problem: "route_not_found", detail: "No route answers for the server as a whole." });
  if (text.startsWith("/")) return split(text);
  const absolute = /^([A-Za-z]+):\/\/([^/?]*)(.*)$/.exec(text);
  if (absolute === null) return refused("The request target is neither a path nor an http URL.");
  const [, writtenScheme = "", authority = "", rest = ""] = absolute;
  if (writtenScheme.toLowerCase() !== scheme) return refused(`The scheme of the request target is not ${scheme}.`);
  if (parseHost(authority) !== host) return refused("The host of the request target differs from the Host header.");
  return split(rest.startsWith("/") ? rest : `/${rest}`);
}

function split(text: string): Result<Target, Refusal> {
  const mark = text.indexOf("?");
  const path = normalisePath(mark < 0 ? text : text.slice(0, mark));
  if (!path.ok) return refused(PATH_DETAILS[path.error]);
  return ok({ path: path.value, query: mark < 0 ? undefined : text.slice(mark + 1) });
}

const refused = (detail: string): Result<never, Refusal> => err({ problem: "bad_request", detail });

const PATH_DETAILS: Readonly<Record<PathProblem, string>> = {
  "not-absolute": "The path does not begin with a slash.",
  "malformed-escape": "The path has a percent sign without two hexadecimal digits behind it.",
  "encoded-separator": "The path has an encoded slash, backslash or NUL.",
  "double-encoding": "The path is percent-encoded twice.",
  "overlong-encoding": "The path has an overlong UTF-8 encoding.",
  "forbidden-character": "The path has a character that must be percent-encoded.",
  parameters: "The path has a parameter where servers differ in reading it.",
  "above-root": "The path leads above the root.",
};
