/** One way to make two readers disagree about where a request ends or what it says. */
export interface DesyncPayload {
  readonly name: string;
  /** Refused for what it says, not for how it is framed: the connection may go on. */
  readonly framed?: true;
  /** A character a byte. */
  readonly bytes: string;
}

const SMUGGLED = "GET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n";

/** A POST with these header lines and this body. */
const post = (lines: readonly string[], body = ""): string =>
  ["POST /first HTTP/1.1", "Host: a.test", ...lines, "", body].join("\r\n");

/** A body that is one request by one reading and two by the other. */
const CHUNKED_THEN_SMUGGLED = `0\r\n\r\n${SMUGGLED}`;

const framing = (name: string, lines: readonly string[], body = CHUNKED_THEN_SMUGGLED): DesyncPayload => ({
  name,
  bytes: post(lines, body),
});

const BOTH = `Content-Length: ${CHUNKED_THEN_SMUGGLED.length}`;

/** Content-Length and Transfer-Encoding against each other, and each against itself. */
const FRAMING: readonly DesyncPayload[] = [
  framing("CL.TE", [BOTH, "Transfer-Encoding: chunked"]),
  framing("TE.CL", ["Transfer-Encoding: chunked", BOTH]),
  framing("CL.TE with zero length", ["Content-Length: 0", "Transfer-Encoding: chunked"]),
  framing("CL twice, different", ["Content-Length: 0", BOTH]),
  framing("CL twice, equal", ["Content-Length: 5", "Content-Length: 5"], "hello"),
  framing("CL list", ["Content-Length: 5, 5"], "hello"),
  framing("CL with leading zero", ["Content-Length: 05"], "hello"),
  framing("CL 054", ["Content-Length: 054"], "x".repeat(54)),
  framing("CL with plus", ["Content-Length: +5"], "hello"),
  framing("CL with minus", ["Content-Length: -5"], "hello"),
  framing("CL hexadecimal", ["Content-Length: 0x5"], "hello"),
  framing("CL with underscore digits", ["Content-Length: 1_0"], "0123456789"),
  framing("CL with decimals", ["Content-Length: 5.0"], "hello"),
  framing("CL exponent", ["Content-Length: 5e0"], "hello"),
  framing("CL empty", ["Content-Length:"], SMUGGLED),
  framing("CL beyond 2^64", ["Content-Length: 18446744073709551621"], "hello"),
  framing("CL beyond 2^53", ["Content-Length: 9007199254740993"], "hello"),
  framing("CL with inner space", ["Content-Length: 5 5"], "hello"),
  framing("CL with trailing text", ["Content-Length: 5;x=1"], "hello"),
  framing("CL with space before the colon", ["Content-Length : 5"], "hello"),
  framing("CL with vertical tab", ["Content-Length: \x0b5"], "hello"),
  framing("CL with NUL", ["Content-Length: 5\x00"], "hello"),
  framing("CL look-alike with underscore", ["Content_Length: 5"], "hello"),
  framing("TE look-alike with underscore", ["Transfer_Encoding: chunked"]),
  framing("TE xchunked", ["Transfer-Encoding: xchunked"]),
  framing("TE chunked, chunked", ["Transfer-Encoding: chunked, chunked"]),
  framing("TE twice", ["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"]),
  framing("TE chunked then identity", ["Transfer-Encoding: chunked", "Transfer-Encoding: identity"]),
  framing("TE identity", ["Transfer-Encoding: identity", "Content-Length: 5"], "hello"),
  framing("TE gzip, chunked", ["Transfer-Encoding: gzip, chunked"]),
  framing("TE chunked, gzip", ["Transfer-Encoding: chunked, gzip"]),
  framing("TE quoted", ['Transfer-Encoding: "chunked"']),
  framing("TE with parameter", ["Transfer-Encoding: chunked;q=1"]),
  framing("TE with vertical tab", ["Transfer-Encoding: \x0bchunked"]),
  framing("TE with form feed", ["Transfer-Encoding: chunked\x0c"]),
  framing("TE with NUL", ["Transfer-Encoding: chunked\x00"]),
  framing("TE with high byte", ["Transfer-Encoding: \xa0chunked"]),
  framing("TE with space before the colon", ["Transfer-Encoding : chunked"]),
  framing("TE with tab before the colon", ["Transfer-Encoding\t: chunked"]),
  framing("TE empty", ["Transfer-Encoding:"]),
  framing("TE comma", ["Transfer-Encoding: ,chunked"]),
  framing("TE behind a folded line", ["X: y", " Transfer-Encoding: chunked"]),
  framing("TE folded", ["Transfer-Encoding:", " chunked"]),
  framing("TE in a lone CR", ["X: y\rTransfer-Encoding: chunked"]),
  framing("TE in a lone LF", ["X: y\nTransfer-Encoding: chunked", BOTH]),
  {
    name: "TE in HTTP/1.0",
    bytes: `POST /first HTTP/1.0\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n${CHUNKED_THEN_SMUGGLED}`,
  },
];

/** Chunks whose end is a matter of taste. */
const CHUNKS: readonly DesyncPayload[] = [
  ["size with plus", "+5\r\nhello\r\n0\r\n\r\n"],
  ["size with minus", "-5\r\nhello\r\n0\r\n\r\n"],
  ["size with 0x", "0x5\r\nhello\r\n0\r\n\r\n"],
  ["size with underscore", "1_0\r\n0123456789\r\n0\r\n\r\n"],
  ["size empty", "\r\nhello\r\n0\r\n\r\n"],
  ["size too large", "fffffffffffffffff\r\nhello\r\n0\r\n\r\n"],
  ["size with leading space", " 5\r\nhello\r\n0\r\n\r\n"],
  ["size ended by LF", "5\nhello\r\n0\r\n\r\n"],
  ["size ended by CR", "5\rhello\r\n0\r\n\r\n"],
  ["data longer than the size", `5\r\nhelloo\r\n0\r\n\r\n${SMUGGLED}`],
  ["data without its line end", `5\r\nhello0\r\n\r\n${SMUGGLED}`],
  ["data ended by LF", `5\r\nhello\n0\r\n\r\n${SMUGGLED}`],
  ["extension with LF", `5;x=\ny\r\nhello\r\n0\r\n\r\n${SMUGGLED}`],
  ["extension with CR", `5;x=\ry\r\nhello\r\n0\r\n\r\n${SMUGGLED}`],
  ["last chunk ended by LF", `5\r\nhello\r\n0\n\n${SMUGGLED}`],
  ["trailer with a bare LF", `5\r\nhello\r\n0\r\nX: y\nHost: b\r\n\r\n${SMUGGLED}`],
  ["endless extension", `5;${"x".repeat(20_000)}\r\nhello\r\n0\r\n\r\n`],
].map(([name = "", body = ""]) => framing(`chunk ${name}`, ["Transfer-Encoding: chunked"], body));

/** Heads that read differently. */
const HEADS: readonly DesyncPayload[] = [
  { name: "request line ended by LF", bytes: "GET /first HTTP/1.1\nHost: a.test\r\n\r\n" },
  { name: "header ended by LF", bytes: "GET /first HTTP/1.1\r\nHost: a.test\nX: y\r\n\r\n" },
  { name: "header ended by CR", bytes: "GET /first HTTP/1.1\r\nHost: a.test\rX: y\r\n\r\n" },
  { name: "head ended by LF LF", bytes: "GET /first HTTP/1.1\r\nHost: a.test\n\n" },
  { name: "folded line", bytes: "GET /first HTTP/1.1\r\nHost: a.test\r\nX: y\r\n z\r\n\r\n" },
  { name: "folded first line", bytes: "GET /first HTTP/1.1\r\n Host: a.test\r\nHost: b.test\r\n\r\n" },
  { name: "header without a colon", bytes: "GET /first HTTP/1.1\r\nHost: a.test\r\nX\r\n\r\n" },
  { name: "header without a name", bytes: "GET /first HTTP/1.1\r\nHost: a.test\r\n: y\r\n\r\n" },
  { name: "space before the colon", bytes: "GET /first HTTP/1.1\r\nHost : a.test\r\n\r\n" },
  { name: "NUL in a value", bytes: "GET /first HTTP/1.1\r\nHost: a.test\r\nX: a\x00b\r\n\r\n" },
  { name: "control character in a value", bytes: "GET /first HTTP/1.1\r\nHost: a.test\r\nX: a\x01b\r\n\r\n" },
  { name: "NUL in a name", bytes: "GET /first HTTP/1.1\r\nHost: a.test\r\nX\x00: b\r\n\r\n" },
  { name: "high byte in a name", bytes: "GET /first HTTP/1.1\r\nHost: a.test\r\nX\xe4: b\r\n\r\n" },
  { name: "underscore in a name", bytes: "GET /first HTTP/1.1\r\nHost: a.test\r\nX_Tenant: b\r\n\r\n" },
  { name: "Host twice", bytes: "GET /first HTTP/1.1\r\nHost: a.test\r\nHost: b.test\r\n\r\n" },
  { name: "Host twice, equal", bytes: "GET /first HTTP/1.1\r\nHost: a.test\r\nHost: a.test\r\n\r\n" },
  { name: "Host missing", bytes: "GET /first HTTP/1.1\r\nX: y\r\n\r\n" },
  { name: "Host missing in HTTP/1.0", bytes: "GET /first HTTP/1.0\r\n\r\n" },
  { name: "Host empty", framed: true, bytes: "GET /first HTTP/1.1\r\nHost:\r\n\r\n" },
  { name: "Host with userinfo", framed: true, bytes: "GET /first HTTP/1.1\r\nHost: a.test@b.test\r\n\r\n" },
  { name: "Host list", framed: true, bytes: "GET /first HTTP/1.1\r\nHost: a.test, b.test\r\n\r\n" },
  { name: "Host with a path", framed: true, bytes: "GET /first HTTP/1.1\r\nHost: a.test/x\r\n\r\n" },
  { name: "Host with a trailing dot", framed: true, bytes: "GET /first HTTP/1.1\r\nHost: a.test.\r\n\r\n" },
  { name: "Host with a padded port", framed: true, bytes: "GET /first HTTP/1.1\r\nHost: a.test:080\r\n\r\n" },
  { name: "absolute form of another host", framed: true, bytes: "GET http://b.test/first HTTP/1.1\r\nHost: a.test\r\n\r\n" },
  { name: "absolute form with userinfo", framed: true, bytes: "GET http://a.test@b.test/first HTTP/1.1\r\nHost: b.test\r\n\r\n" },
  { name: "absolute form of another scheme", framed: true, bytes: "GET ftp://a.test/first HTTP/1.1\r\nHost: a.test\r\n\r\n" },
  { name: "relative target", bytes: "GET first HTTP/1.1\r\nHost: a.test\r\n\r\n" },
  { name: "fragment", framed: true, bytes: "GET /first#x HTTP/1.1\r\nHost: a.test\r\n\r\n" },
  { name: "space in the target", bytes: "GET /first x HTTP/1.1\r\nHost: a.test\r\n\r\n" },
  { name: "tab in the request line", bytes: "GET\t/first HTTP/1.1\r\nHost: a.test\r\n\r\n" },
  { name: "high byte in the target", bytes: "GET /f\xe4rst HTTP/1.1\r\nHost: a.test\r\n\r\n" },
  { name: "NUL in the target", bytes: "GET /fi\x00rst HTTP/1.1\r\nHost: a.test\r\n\r\n" },
  { name: "lower-case method", bytes: "get /first HTTP/1.1\r\nHost: a.test\r\n\r\n" },
  { name: "made-up method", bytes: "GETT /first HTTP/1.1\r\nHost: a.test\r\n\r\n" },
  { name: "HTTP/0.9", bytes: "GET /first\r\n\r\n" },
  { name: "HTTP/1.2", bytes: "GET /first HTTP/1.2\r\nHost: a.test\r\n\r\n" },
  { name: "HTTP/2.0 by name", bytes: "GET /first HTTP/2.0\r\nHost: a.test\r\n\r\n" },
  { name: "HTTP/2 preface", bytes: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" },
  { name: "lower-case protocol", bytes: "GET /first http/1.1\r\nHost: a.test\r\n\r\n" },
  { name: "TRACE", framed: true, bytes: "TRACE /first HTTP/1.1\r\nHost: a.test\r\n\r\n" },
  { name: "CONNECT", bytes: "CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n" },
  { name: "encoded slash in the path", framed: true, bytes: "GET /a%2fb HTTP/1.1\r\nHost: a.test\r\n\r\n" },
  { name: "encoded NUL in the path", framed: true, bytes: "GET /a%00b HTTP/1.1\r\nHost: a.test\r\n\r\n" },
  { name: "above the root", framed: true, bytes: "GET /../etc/passwd HTTP/1.1\r\nHost: a.test\r\n\r\n" },
  {
    name: "Connection names Authorization",
    framed: true,
    bytes: "GET /first HTTP/1.1\r\nHost: a.test\r\nConnection: authorization\r\nAuthorization: Bearer x\r\n\r\n",
  },
  {
    name: "Connection names Content-Length",
    framed: true,
    bytes: post(["Connection: content-length", "Content-Length: 5"], "hello"),
  },
  {
    name: "Connection names X-Forwarded-For",
    framed: true,
    bytes: "GET /first HTTP/1.1\r\nHost: a.test\r\nConnection: keep-alive, X-Forwarded-For\r\n\r\n",
  },
  {
    name: "Content-Type twice",
    framed: true,
    bytes: post(["Content-Type: text/plain", "Content-Type: application/json", "Content-Length: 2"], "{}"),
  },
  {
    name: "Authorization twice",
    framed: true,
    bytes: "GET /first HTTP/1.1\r\nHost: a.test\r\nAuthorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n",
  },
  { name: "TLS on a plain port", bytes: "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" },
];

/** None of these may become an exchange; only behind a framed one may the connection go on. */
export const DESYNC_PAYLOADS: readonly DesyncPayload[] = [...FRAMING, ...CHUNKS, ...HEADS];
