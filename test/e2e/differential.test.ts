import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { oneRoute } from "../support/one-route.ts";
import { RawClient } from "../support/raw-http.ts";
import { startGateway, type TestGateway } from "../support/start-gateway.ts";
import { startUpstream, type TestUpstream, type UpstreamRequestSeen } from "../support/start-upstream.ts";

/** A request any client may send, a character a byte. */
interface ValidRequest {
  readonly method: string;
  readonly target: string;
  readonly lines: readonly (readonly [name: string, value: string])[];
  /** Undefined: none. Several pieces are sent as chunks. */
  readonly body: { readonly framing: "length" | "chunked"; readonly pieces: readonly string[] } | undefined;
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

const request: fc.Arbitrary<ValidRequest> = fc.record({
  method: fc.constantFrom(...METHODS),
  target: fc.tuple(path, query).map((parts) => parts.join("")),
  lines,
  body,
});

function bytesOf({ method, target, lines, body }: ValidRequest, id: string): string {
  const head = [
    `${method} ${target} HTTP/1.1`,
    "Host: api.test:8080",
    `X-Case: ${id}`,
    ...lines.map(([name, value]) => `${name}: ${value}`),
  ];
  head.push("Connection: close");
  const whole = body?.pieces.join("") ?? "";
  if (body?.framing === "length") head.push(`Content-Length: ${whole.length}`);
  if (body?.framing === "chunked") head.push("Transfer-Encoding: chunked");
  const chunks = body?.pieces.map((piece) => `${piece.length.toString(16)}\r\n${piece}\r\n`).join("") ?? "";
  const sent = body === undefined ? "" : body.framing === "length" ? whole : `${chunks}0\r\n\r\n`;
  return `${head.join("\r\n")}\r\n\r\n${sent}`;
}

/** What the gateway adds to every request (docs/guides/client.md, "What is done to your request"). */
const ADDED: ReadonlySet<string> = new Set([
  ...["via", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-request-id", "x-correlation-id", "traceparent"],
]);

/** Of the connection: each has its own. */
const OF_THE_CONNECTION: ReadonlySet<string> = new Set(["connection", "keep-alive"]);

/** What an upstream makes of a request, without what either way of sending it has to itself. */
function understood({ method, url, rawHeaders, body }: UpstreamRequestSeen): unknown {
  const kept: string[] = [];
  const framing: string[] = [];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const [name = "", value = ""] = [rawHeaders[i], rawHeaders[i + 1]];
    const lower = name.toLowerCase();
    if (lower === "content-length" || lower === "transfer-encoding") {
      // nothing is nothing, whether somebody says so or not
      if (body.byteLength > 0) framing.push(`${lower}: ${value}`);
    } else if (!ADDED.has(lower) && !OF_THE_CONNECTION.has(lower)) kept.push(`${lower === "host" ? lower : name}: ${value}`);
  }
  return { method, url, framing, lines: kept, body: body.toString("latin1") };
}

describe.each([
  ["node", "sallyport"],
  ["sallyport", "sallyport"],
  ["sallyport", "undici"],
] as const)("a valid request (codec %s, upstream client %s)", (codec, upstreamClient) => {
  let upstream: TestUpstream;
  let gateway: TestGateway;
  let sent = 0;

  beforeAll(async () => {
    upstream = await startUpstream();
    gateway = await startGateway({ config: oneRoute(upstream.url), codec, upstreamClient });
  });

  afterAll(async () => {
    await gateway?.[Symbol.asyncDispose]();
    await upstream?.[Symbol.asyncDispose]();
  });

  async function seenBy(port: number, given: ValidRequest): Promise<UpstreamRequestSeen | string> {
    const id = `case-${(sent += 1)}`;
    using client = await RawClient.connect(port);
    client.send(bytesOf(given, id));
    await client.toEnd();
    const found = upstream.seen.find(({ headers }) => headers["x-case"] === id);
    return found === undefined ? client.received : { ...found, rawHeaders: withoutCase(found.rawHeaders) };
  }

  const withoutCase = (raw: readonly string[]): readonly string[] =>
    raw.filter((_, index) => raw[index - (index % 2)] !== "X-Case");

  it("means to the upstream what it means without a gateway, but for the documented changes", async () => {
    await fc.assert(
      fc.asyncProperty(request, async (given) => {
        const direct = await seenBy(upstream.port, given);
        const through = await seenBy(Number(new URL(gateway.url).port), given);
        if (typeof direct === "string") throw new Error(`not a valid request: ${direct}`);
        if (typeof through === "string") throw new Error(`did not reach the upstream: ${through}`);
        expect(understood(through)).toEqual(understood(direct));
      }),
      { numRuns: 300 },
    );
  }, 60_000);
});
