/** One element of a `Forwarded` header. Parameter names are lower case, values unquoted; `text` is the element as written. */
export interface ForwardedElement {
  readonly text: string;
  readonly parameters: ReadonlyMap<string, string>;
}

/** Reads a `Forwarded` header, all lines joined (RFC 7239 section 4), left to right. Undefined when any part of it is malformed or a parameter stands twice in an element. */
export function parseForwarded(value: string): readonly ForwardedElement[] | undefined {
  const elements: ForwardedElement[] = [];
  let parameters = new Map<string, string>();
  let start = 0;
  const pair = new RegExp(PAIR, "y");
  for (let match = pair.exec(value); match !== null; match = pair.exec(value)) {
    const [, name = "", token, quoted, separator] = match;
    if (parameters.has(name.toLowerCase())) return undefined;
    parameters.set(name.toLowerCase(), token ?? (quoted ?? "").replaceAll(/\\(.)/g, "$1"));
    if (separator === ";") continue;
    elements.push({ text: value.slice(start, pair.lastIndex - (separator ?? "").length).trim(), parameters });
    if (separator === "") return elements;
    parameters = new Map();
    start = pair.lastIndex;
  }
  return undefined;
}

/** `name=value`, value a token or a quoted string, then `;`, `,` or the end. */
const PAIR = /[ \t]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)=(?:([!#$%&'*+.^_`|~0-9A-Za-z-]+)|"((?:[^"\\]|\\.)*)")[ \t]*([;,]|$)/;
