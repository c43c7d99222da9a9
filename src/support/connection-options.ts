import type { HeaderLines } from "../model/header-lines.ts";
import { isHeaderName } from "../model/header-text.ts";

/** The lower-case options all Connection lines list, among them names of fields meant for one connection only (RFC 9110 section 7.6.1); undefined when one is no token. */
export function connectionOptions(headers: HeaderLines): ReadonlySet<string> | undefined {
  if (!headers.has("connection")) return NONE;
  const options = new Set<string>();
  for (const line of headers.lines("connection")) {
    for (const text of line.split(",")) {
      const option = text.trim().toLowerCase();
      if (option === "") continue;
      if (!isHeaderName(option)) return undefined;
      options.add(option);
    }
  }
  return options;
}

const NONE: ReadonlySet<string> = new Set();
