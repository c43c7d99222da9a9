/** How some server turns the path it is sent into the segments it serves; undefined: it refuses it. Written for this test alone: models of the mistakes and habits of servers, not of any one. */
export type PathReader = (path: string) => readonly string[] | undefined;

/** What servers are known to do with a path, by name. */
export const READERS: Readonly<Record<string, PathReader>> = {
  "takes it literally": (path) => resolved(path.split("/")),
  "decodes, then resolves": (path) => resolved(decoded(path).split("/")),
  "decodes twice, then resolves": (path) => resolved(decoded(decoded(path)).split("/")),
  "decodes three times": (path) => resolved(decoded(decoded(decoded(path))).split("/")),
  "resolves, then decodes each segment": (path) => resolved(path.split("/")).map(decoded),
  "resolves, then decodes and splits again": (path) => decoded(resolved(path.split("/")).join("/")).split("/"),
  "takes backslashes for slashes": (path) => resolved(decoded(path).split(/[/\\]/)),
  "takes backslashes for slashes, decoding twice": (path) => resolved(decoded(decoded(path)).split(/[/\\]/)),
  "cuts parameters off, then decodes": (path) => resolved(path.split("/").map((segment) => decoded(withoutParameters(segment)))),
  "decodes, then cuts parameters off": (path) => resolved(decoded(path).split("/").map(withoutParameters)),
  "reads overlong UTF-8": (path) => resolved(overlongDecoded(path).split("/")),
  "reads overlong UTF-8 and backslashes": (path) => resolved(overlongDecoded(path).split(/[/\\]/)),
  "stops at NUL": (path) => resolved((decoded(path).split("\0")[0] ?? "").split("/")),
  "drops control characters": (path) =>
    resolved(
      decoded(path)
        .replaceAll(/[\x00-\x1f\x7f]/g, "")
        .split("/"),
    ),
  "reads %u escapes": (path) => resolved(decoded(path.replaceAll(/%u([0-9a-f]{4})/gi, unicode)).split("/")),
  "keeps empty segments": (path) => dotsResolved(decoded(path).split("/").slice(1)),
  "cuts at an encoded question mark or hash": (path) => resolved((decoded(path).split(/[?#]/)[0] ?? "").split("/")),
  "takes compatible characters for the plain ones": (path) => resolved(utf8Decoded(path).normalize("NFKC").split("/")),
  "drops dots and spaces at the end of a segment": (path) =>
    resolved(
      decoded(path)
        .split("/")
        .map((segment) => (/^\.{1,2}$/.test(segment) ? segment : segment.replace(/[. ]+$/, ""))),
    ),
};

const decoded = (text: string): string =>
  text.replaceAll(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));

const unicode = (_: string, hex: string): string => String.fromCharCode(Number.parseInt(hex, 16));

const utf8Decoded = (text: string): string => Buffer.from(decoded(text), "latin1").toString("utf8");

/** As decoders did that did not ask for the shortest form: only the bits of each byte count. */
function overlongDecoded(text: string): string {
  return decoded(text).replaceAll(/[\xc0-\xff][\x2e\x2f\x80-\xbf]{1,5}/g, (bytes) => {
    const [lead = 0, ...rest] = bytes.split("").map((byte) => byte.charCodeAt(0));
    const count = lead >= 0xfc ? 5 : lead >= 0xf8 ? 4 : lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
    const used = rest.slice(0, count);
    const value = used.reduce((sum, byte) => (sum << 6) | (byte & 0x3f), lead & (0x3f >> count));
    return String.fromCharCode(value & 0xffff) + bytes.slice(1 + used.length);
  });
}

const withoutParameters = (segment: string): string => segment.split(";")[0] ?? "";

const resolved = (segments: readonly string[]): readonly string[] => dotsResolved(segments.filter((segment) => segment !== ""));

function dotsResolved(segments: readonly string[]): readonly string[] {
  const kept: string[] = [];
  for (const segment of segments) {
    if (segment === "..") kept.pop();
    else if (segment !== ".") kept.push(segment);
  }
  return kept;
}
