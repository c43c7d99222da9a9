/** A content-type in parts. */
export interface MediaType {
  /** `type/subtype` in lower case. */
  readonly type: string;
  /** Values by lower-case name, unquoted, case as sent. */
  readonly parameters: ReadonlyMap<string, string>;
}

/**
 * Reads a content-type (RFC 9110 section 8.3.1). Undefined for one that two readers could read differently: not in the grammar, or
 * a parameter named twice, where one would take the first and the next the last charset.
 */
export function parseMediaType(text: string): MediaType | undefined {
  const [head] = TYPE.exec(text) ?? [];
  if (head === undefined) return undefined;
  const parameters = new Map<string, string>();
  const parameter = new RegExp(PARAMETER, "y");
  parameter.lastIndex = head.length;
  while (parameter.lastIndex < text.length) {
    const match = parameter.exec(text);
    if (match === null) return undefined;
    const [, name, token, quoted] = match;
    if (name === undefined) continue;
    const known = name.toLowerCase();
    if (parameters.has(known)) return undefined;
    parameters.set(known, token ?? (quoted ?? "").replaceAll(/\\(.)/g, "$1"));
  }
  return { type: head.trim().toLowerCase(), parameters };
}

const TYPE = /^[ \t]*[!#$%&'*+.^_`|~0-9A-Za-z-]+\/[!#$%&'*+.^_`|~0-9A-Za-z-]+[ \t]*/;

// ";" with a parameter behind it or, as the grammar allows, with none
const PARAMETER = /;[ \t]*(?:([!#$%&'*+.^_`|~0-9A-Za-z-]+)=(?:([!#$%&'*+.^_`|~0-9A-Za-z-]+)|"((?:[^"\\]|\\[^])*)")[ \t]*)?/;
