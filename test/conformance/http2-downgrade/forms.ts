import type { RawFields, RawHttp2Request } from "../../support/http2-fates.ts";

/** A request over HTTP/2 that would be another one, or two, where a proxy wrote it into HTTP/1.1 as it came. */
export interface DowngradeForm extends RawHttp2Request {
  readonly name: string;
}

/** What a client of this host and scheme sends ordinarily; the forms are changes of it. */
export const HOST = "gateway.test";

/** What becomes a second request, another header or another framing. */
const SMUGGLED: readonly string[] = [
  ...["\r\nx-smuggled: 1", "\nx-smuggled: 1", "\rx-smuggled: 1", "\r\n x-smuggled: 1"],
  "\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n",
  "\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n",
  "\r\ncontent-length: 0\r\n\r\n",
  " HTTP/1.1\r\nHost: smuggled\r\n\r\n",
  " HTTP/1.0\r\n\r\n",
  ...["\0", "\t", " ", "\v\f", "\x7f", "\x85", "\u00e9", "\u010d\u010a"],
  ...[":", "@smuggled", "#smuggled", "/../smuggled", "%0d%0ax-smuggled: 1", "%2f..%2fsmuggled", "%00", "\\smuggled", ";smuggled"],
];

const PSEUDO = [":method", ":path", ":authority", ":scheme"];
const NAMES = ["x-a", "cookie", "host", "authorization", "content-type", "content-length", "x-forwarded-for", "x-marker"];

const LENGTHS: readonly string[] = [
  ...["0", "1", "5", "05", "+5", "-5", "5 ", " 5", "5,5", "5, 5", "0x5", "5e0", "5.0", "", "99999999999999999999", "5\r\n"],
  ...["45", "045", "4294967341", "18446744073709551661"],
];

const CODINGS = ["chunked", " chunked", "Chunked", "identity", "xchunked", "chunked\r\nx: y", "gzip, chunked", "trailers", ""];

const FRAMING_NAMES: readonly string[] = [
  ...["transfer-encoding", "transfer_encoding", "Transfer-Encoding", "transfer-encoding ", " transfer-encoding"],
  ...["transfer-encoding:", "\ntransfer-encoding", "transfer-encoding\r\nx", "te", "connection", "upgrade", "keep-alive"],
  ...["proxy-connection", "http2-settings", "content_length", "Content-Length", "content-length "],
];

/** A request to whoever takes the body for shorter than it is, or for chunks. 45 bytes. */
const INNER = "0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n";

const shown = (text: string): string => JSON.stringify(text);

/** An ordinary request, with further fields. */
const request = (more: RawFields = [], method = "GET"): RawFields => [
  [":method", method],
  [":scheme", "http"],
  [":authority", HOST],
  [":path", "/a"],
  ...more,
];

const changed = (name: string, change: (old: string) => string): RawFields =>
  request().map(([each, old]) => [each, each === name ? change(old) : old]);

/** Each in each place of a header block. */
function inFields(): readonly (readonly [string, RawFields])[] {
  return SMUGGLED.flatMap((evil): (readonly [string, RawFields])[] => [
    ...PSEUDO.flatMap((pseudo): (readonly [string, RawFields])[] => [
      [`${shown(evil)} behind ${pseudo}`, changed(pseudo, (old) => old + evil)],
      [`${shown(evil)} before ${pseudo}`, changed(pseudo, (old) => evil + old)],
      [`${shown(evil)} as ${pseudo}`, changed(pseudo, () => evil)],
      [`${shown(evil)} in the name ${pseudo}`, request().map(([each, old]) => [each === pseudo ? each + evil : each, old])],
      [`${shown(evil)} in a second ${pseudo}`, [...request(), [pseudo, `/b${evil}`]]],
    ]),
    ...NAMES.flatMap((name): (readonly [string, RawFields])[] => [
      [`${shown(evil)} behind the value of ${name}`, request([[name, `v${evil}`]])],
      [`${shown(evil)} before the value of ${name}`, request([[name, `${evil}v`]])],
      // prettier-ignore
      [`${shown(evil)} as a second value of ${name}`, request([[name, "v"], [name, evil]])],
      [`${shown(evil)} behind the name ${name}`, request([[`${name}${evil}`, "v"]])],
      [`${shown(evil)} before the name ${name}`, request([[`${evil}${name}`, "v"]])],
    ]),
    [`${shown(evil)} in an unknown pseudo-header`, request([[`:x${evil}`, "v"]])],
    [`${shown(evil)} as a whole name`, request([[evil, "v"]])],
  ]);
}

/** Lengths and codings, which HTTP/2 says by itself. */
function inFraming(): readonly (readonly [string, RawFields])[] {
  const post = (more: RawFields): RawFields => request(more, "POST");
  return [
    ...LENGTHS.flatMap((length): (readonly [string, RawFields])[] => [
      [`length ${shown(length)}`, post([["content-length", length]])],
      // prettier-ignore
      [`length ${shown(length)} behind another`, post([["content-length", "5"], ["content-length", length]])],
      ...CODINGS.map((coding): readonly [string, RawFields] => [
        `length ${shown(length)} beside coding ${shown(coding)}`,
        // prettier-ignore
        post([["content-length", length], ["transfer-encoding", coding]]),
      ]),
    ]),
    ...FRAMING_NAMES.flatMap((name) =>
      CODINGS.map((coding): readonly [string, RawFields] => [
        `${shown(name)} with ${shown(coding)}`,
        request([[name, coding]], "POST"),
      ]),
    ),
  ];
}

/** What stands behind the body. */
function inTrailers(): readonly DowngradeForm[] {
  const behind = (name: string, trailers: RawFields): DowngradeForm => ({
    name: `trailers: ${name}`,
    fields: request([], "POST"),
    body: INNER,
    trailers,
  });
  return [
    ...SMUGGLED.flatMap((evil) => [
      behind(`${shown(evil)} behind a value`, [["x-a", `v${evil}`]]),
      behind(`${shown(evil)} behind a name`, [[`x-a${evil}`, "v"]]),
      behind(`${shown(evil)} as a name`, [[evil, "v"]]),
    ]),
    ...[":path", ":status", ":method", "content-length", "transfer-encoding", "connection", "host", "x-marker"].map((name) =>
      behind(name, [[name, "/smuggled"]]),
    ),
    behind("a length that is right", [["content-length", String(INNER.length)]]),
    behind("chunked", [["transfer-encoding", "chunked"]]),
    behind(
      "many",
      Array.from({ length: 300 }, (_, i) => [`x-${i}`, "v"] as const),
    ),
  ];
}

/** Where the order or the number of the pseudo-headers is not what it should be. */
const inOrder = (): readonly (readonly [string, RawFields])[] => [
  ["a header before the pseudo-headers", [["x-a", "v"], ...request()]],
  ["a header among the pseudo-headers", [...request().slice(0, 2), ["x-a", "v"], ...request().slice(2)]],
  ...PSEUDO.flatMap((pseudo): (readonly [string, RawFields])[] => [
    [`no ${pseudo}`, request().filter(([name]) => name !== pseudo)],
    [`${pseudo} twice, the same`, [...request(), ...request().filter(([name]) => name === pseudo)]],
    [`${pseudo} in capitals`, request().map(([name, value]) => [name === pseudo ? name.toUpperCase() : name, value])],
    [`${pseudo} without its colon`, request().map(([name, value]) => [name === pseudo ? name.slice(1) : name, value])],
    [`an empty ${pseudo}`, changed(pseudo, () => "")],
  ]),
  [":status in a request", request([[":status", "200"]])],
  [":protocol without CONNECT", request([[":protocol", "websocket"]])],
  ["CONNECT with all of them", changed(":method", () => "CONNECT")],
  [
    "CONNECT as it should be",
    [
      [":method", "CONNECT"],
      [":authority", "a.test:443"],
    ],
  ],
  ["no field at all", []],
];

const alone = ([name, fields]: readonly [string, RawFields]): DowngradeForm => ({ name, fields });
const withBody = ([name, fields]: readonly [string, RawFields]): DowngradeForm => ({
  name: `${name}, with a body`,
  fields,
  body: INNER,
});

/** All of them; where it is about framing or order, each with a body that holds a request of its own, and without. */
export const DOWNGRADE_FORMS: readonly DowngradeForm[] = [
  ...inFields().map((form, i) => (i % 2 === 0 ? alone(form) : withBody(form))),
  ...[...inFraming(), ...inOrder()].flatMap((form) => [alone(form), withBody(form)]),
  ...inTrailers(),
];
