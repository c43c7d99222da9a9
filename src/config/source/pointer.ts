/** Appends one token to a JSON pointer (RFC 6901). */
export const pointerTo = (parent: string, token: string | number): string =>
  `${parent}/${typeof token === "number" ? token : token.replaceAll("~", "~0").replaceAll("/", "~1")}`;

/** Tokens of a JSON pointer; the empty pointer has none. */
export const pointerTokens = (pointer: string): readonly string[] =>
  pointer
    .split("/")
    .slice(1)
    .map((token) => token.replaceAll("~1", "/").replaceAll("~0", "~"));
