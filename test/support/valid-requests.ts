import * as fc from "fast-check";

/** A request any client may send, a character a byte. */
export interface ValidRequest {
  readonly method: string;
  readonly target: string;
  readonly lines: readonly (readonly [name: string, value: string])[];
  /** Undefined: none. Several pieces are sent as chunks. */
  readonly body: { readonly framing: "length" | "chunked"; readonly pieces: readonly string[] } | undefined;
  /** It asks whether to send the body, and sends it all the same. */
  readonly expects: boolean;
  /** Behind a body in chunks. */
  readonly trailers: readonly (readonly [name: string, value: string])[];
}

const text = (alphabet: string, bounds: { minLength?: number; maxLength: number }): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(...alphabet.split("")), ...bounds });

const LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
const DIGITS = "0123456789";
const UNRESERVED = `${LETTERS}${DIGITS}-_~`;

/** A byte as an escape that no normal form undoes. */
const escape = fc.constantFrom(
  "%20",
  "%22",
  "%25",
  "%2B",
  "%3A",
  "%3C",
  "%40",
  "%5B",
  "%7C",
  "%C3%A9",
  "%E6%97%A5",
  "%FC",
  "%3F",
  "%23",
);

const segment = fc
  .array(fc.oneof(text(`${UNRESERVED}!$&'()*+,=:@`, { minLength: 1, maxLength: 6 }), escape), { minLength: 1, maxLength: 4 })
  .map((parts) => parts.join(""))
  // what becomes something else when it is decoded twice is refused
  .filter((segment) => !/%25(?:25)*(?:[01][0-9A-F]|2[EF]|3B|5C|7F|C[01])/i.test(segment));

const path = fc
  .tuple(fc.array(segment, { maxLength: 5 }), fc.boolean())
  .map(([segments, slash]) => `/${segments.join("/")}${slash && segments.length > 0 ? "/" : ""}`);

/** Queries are nobody's business: any byte that may stand in a target, pairs or not. */
const query = fc.option(
  fc
    .array(
      fc.oneof(
        text(`${UNRESERVED}.!$&'()*+,;=:@/?[]{}|^\`"<>\\`, { maxLength: 8 }),
        escape,
        fc.constantFrom("%2F", "%00", "%2e%2e", "&&", "%"),
      ),
      {
        maxLength: 6,
      },
    )
    .map((parts) => `?${parts.join("")}`),
  { nil: "" },
);

const VALUE = Array.from({ length: 0xff - 0x21 + 1 }, (_, index) => String.fromCharCode(0x21 + index))
  .filter((character) => character !== "\x7f")
  .join("");

const value = fc
  .tuple(text(VALUE, { maxLength: 12 }), text(`${VALUE} \t`, { maxLength: 12 }), text(VALUE, { minLength: 1, maxLength: 3 }))
  .map(([first, middle, last]) => (first === "" ? "" : `${first}${middle}${last}`));

const ownName = text(`${LETTERS}${DIGITS}!#$%&'*+.^\`|~-`, { minLength: 1, maxLength: 12 }).map((name) => `x-t-${name}`);

/** Header fields that have a meaning, with values that may be repeated. */
const known = fc.constantFrom<readonly [string, string]>(
  ["Accept", "text/html, application/json;q=0.9"],
  ["accept-language", "de-DE, en;q=0.5"],
  ["Accept-Encoding", "gzip, br"],
  ["Cookie", "a=1; b=2"],
  ["Cache-Control", "no-cache"],
  ["If-None-Match", '"v1", W/"v2"'],
  ["Prefer", "return=minimal"],
  ["Link", '</style.css>; rel="preload"'],
  ["X-Custom", "a, b, c"],
  ["DNT", "1"],
);

const once = fc.subarray<readonly [string, string]>([
  ["User-Agent", "test/1.0 (any; thing)"],
  ["Referer", "https://a.test/x?y"],
  ["Origin", "https://a.test"],
  ["Range", "bytes=0-99"],
  ["Content-Type", "application/json; charset=utf-8"],
  ["Authorization", "Basic Zm9vOmJhcg=="],
  ["Content-Language", "de"],
  ["If-Modified-Since", "Sat, 21 Nov 2026 10:00:00 GMT"],
]);

const lines = fc
  .tuple(once, fc.array(fc.oneof(known, fc.tuple(ownName, value)), { maxLength: 12 }))
  .map(([single, repeated]) => [...single, ...repeated]);

const body = fc.option(
  fc.record({
    framing: fc.constantFrom("length" as const, "chunked" as const),
    pieces: fc.array(text(`${VALUE} \r\n\0`, { minLength: 1, maxLength: 40 }), { maxLength: 4 }),
  }),
  { nil: undefined },
);

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "REPORT", "SEARCH", "PURGE", "LOCK"];

/** Any of them. */
export const validRequest: fc.Arbitrary<ValidRequest> = fc.record({
  method: fc.constantFrom(...METHODS),
  target: fc.tuple(path, query).map((parts) => parts.join("")),
  lines,
  body,
  expects: fc.boolean(),
  trailers: fc.array(fc.tuple(ownName, value), { maxLength: 2 }),
});

/** As HTTP/1.1 writes it, on a connection that ends behind it; `id` becomes `X-Case`. */
export function bytesOf({ method, target, lines, body, expects, trailers }: ValidRequest, id: string): string {
  const head = [
    `${method} ${target} HTTP/1.1`,
    "Host: api.test:8080",
    `X-Case: ${id}`,
    ...lines.map(([name, value]) => `${name}: ${value}`),
  ];
  head.push("Connection: close");
  if (body !== undefined && expects) head.push("Expect: 100-continue");
  const whole = body?.pieces.join("") ?? "";
  if (body?.framing === "length") head.push(`Content-Length: ${whole.length}`);
  if (body?.framing === "chunked") head.push("Transfer-Encoding: chunked");
  const chunks = body?.pieces.map((piece) => `${piece.length.toString(16)}\r\n${piece}\r\n`).join("") ?? "";
  const behind = trailers.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const sent = body === undefined ? "" : body.framing === "length" ? whole : `${chunks}0\r\n${behind}\r\n`;
  return `${head.join("\r\n")}\r\n\r\n${sent}`;
}

/** What the gateway adds to every request (docs/guides/client.md, "What is done to your request"). */
export const ADDED: ReadonlySet<string> = new Set([
  ...["via", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-request-id", "x-correlation-id", "traceparent"],
]);
