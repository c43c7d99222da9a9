import { METHODS } from "node:http";
import { bend, fields, framed, type Choices } from "../message-text.ts";
import type { Random } from "../random.ts";

/** One connection's worth of bytes: a request that is mostly well-formed, odd in a few places, then bent in a few more; often others behind it. */
export function generateCase(random: Random): Buffer {
  random.rarity = random.pick([1, 5, 100]);
  let text = random.oddly(15) ? random.pick(BEFORE) : "";
  text += request(random);
  while (random.once(3)) text += (random.oddly(12) ? random.pick(BEFORE) : "") + request(random);
  return Buffer.from(random.oddly(2) ? bend(random, text, FRAGMENTS) : text, "latin1");
}

function request(random: Random): string {
  const host = random.oddly(12) ? random.pick(ODD_HOSTS) : "Host: a.test\r\n";
  const { lines, body } = random.once(3) ? { lines: "", body: "" } : framed(random, BODIES);
  const more = random.once(4) ? fields(random) : "";
  const own = random.once(6) ? `${random.pick(OWN_LINES)}\r\n` : "";
  return `${requestLine(random)}\r\n${host}${random.once(3) ? fields(random) : ""}${lines}${own}${more}\r\n${body}`;
}

function requestLine(random: Random): string {
  if (random.oddly(20)) return random.pick(ODD_REQUEST_LINES);
  const method = random.oddly(10)
    ? random.pick(ODD_METHODS)
    : random.once(8)
      ? random.pick(ALL_METHODS)
      : random.pick(USUAL_METHODS);
  const target = random.oddly(8) ? oddTarget(random) : random.pick(TARGETS);
  const version = random.oddly(12) ? random.pick(ODD_VERSIONS) : random.once(10) ? "HTTP/1.0" : "HTTP/1.1";
  return `${method}${gap(random)}${target}${gap(random)}${version}`;
}

const gap = (random: Random): string =>
  random.oddly(40) ? random.pick(["  ", "\t", "", " \t", "\x0b", "\r", "\n", "\xa0", "\x00"]) : " ";

/** Any byte anywhere, or a spelling that somebody reads otherwise. */
function oddTarget(random: Random): string {
  if (random.once(2)) return random.pick(ODD_TARGETS);
  const whole = random.pick(TARGETS);
  const at = random.below(whole.length + 1);
  return whole.slice(0, at) + String.fromCharCode(random.below(256)) + whole.slice(at);
}

const USUAL_METHODS = ["GET", "POST", "PUT", "HEAD", "DELETE", "OPTIONS"] as const;

// not empty
const ALL_METHODS = METHODS as unknown as Choices;

const ODD_METHODS = [
  ...[
    "get",
    "Get",
    "GETT",
    "GE",
    "G",
    "",
    "PRI",
    "CONNECT",
    "TRACE",
    "M-SEARCH",
    "M_SEARCH",
    "DESCRIBE",
    "ANNOUNCE",
    "SETUP",
    "PLAY",
  ],
  ...[
    "GET\x00",
    "\x00GET",
    " GET",
    "\tGET",
    "GET\xe4",
    "HTTP/1.1",
    "GET/",
    "(GET)",
    "BREW",
    "SOURCE",
    "FLUSH",
    "TEARDOWN",
    "RECORD",
  ],
] as unknown as Choices; // a literal of spreads, not empty

const TARGETS = [
  "/",
  "/a",
  "/a/b?c=d&e=f",
  "/a?b?c",
  "*",
  "http://a.test/",
  "http://a.test:80/a?b",
  "https://A.test",
  "/%41%2f;x=y",
  "//a//b",
  "/a#b",
] as const;

const ODD_TARGETS = [
  ...[
    "",
    "a",
    "a/b",
    "?a",
    "#a",
    "*a",
    "**",
    "*/",
    "http:",
    "http:/",
    "http://",
    "http:///a",
    "http://?a",
    "http://#",
    "http://@",
    "://a",
  ],
  ...[
    "http://a@b/",
    "http://a@b@c/",
    "http://@a/",
    "http://a@/",
    "http://[::1]/",
    "http://[::1]:80/a",
    "http://]a[/",
    "http://a b/",
  ],
  ...[
    "http://a#b",
    "http://a/#b",
    "http://a?b#c?d#e",
    "/a#b#c?d",
    "http1://a/",
    "h-t://a/",
    "http://a\\b/",
    'http://a"b/',
    "http://a:b:c/",
  ],
  ...[
    "/a b",
    "/a\tb",
    "/a\x00b",
    "/a\x7fb",
    "/a\x80b",
    "/caf\xe9",
    "/a\x0cb",
    '/"<>\\^`{|}~',
    "/a\rb",
    "/a\nb",
    "a.test:443",
    "\\a",
    "/a HTTP/1.1",
  ],
  ...[
    "http://a_b/",
    "http://a~b!$&'()*+,;=/",
    "http://%zz/",
    "http://a|b/",
    "http://a<b/",
    "http://a{b}/",
    "http://a^b/",
    "//",
    "/../..",
  ],
] as unknown as Choices; // a literal of spreads, not empty

const ODD_VERSIONS = [
  ...[
    "HTTP/1.2",
    "HTTP/2.0",
    "HTTP/0.9",
    "HTTP/1",
    "HTTP/11",
    "HTTP/1.10",
    "HTTP/1.1.1",
    "http/1.1",
    "HTTP/1,1",
    "HTTP /1.1",
    "HTTP/ 1.1",
  ],
  ...[
    "HTTP/1.1 ",
    " HTTP/1.1",
    "HTTP/1.1\t",
    "",
    "ICE/1.0",
    "RTSP/1.0",
    "HTTP/1.\x31\x00",
    "HTTP/01.1",
    "HTTP/1.01",
    "XTTP/1.1",
    "HTTP/9.9",
  ],
] as unknown as Choices; // a literal of spreads, not empty

const ODD_REQUEST_LINES = [
  "",
  "GET",
  "GET /",
  "GET / ",
  "GET  HTTP/1.1",
  "GET / HTTP/1.1 HTTP/1.1",
  "PRI * HTTP/2.0",
  "HTTP/1.1 200 OK",
  " GET / HTTP/1.1",
  "GET /\r\n HTTP/1.1",
  "CONNECT a.test:443 HTTP/1.1",
  "CONNECT /a HTTP/1.1",
  "OPTIONS * RTSP/1.0",
  "SOURCE /a ICE/1.0",
] as const;

const BEFORE = ["\r\n", "\r\n\r\n", "\n", "\r", "\n\n", " \r\n", "\x00", "\r\r\n", "\t", "\r\n "] as const;

const ODD_HOSTS = [
  "",
  "Host: a.test\r\nHost: b.test\r\n",
  "Host: a.test\r\nHost: a.test\r\n",
  "Host:\r\n",
  "Host : a.test\r\n",
  " Host: a.test\r\n",
  "host:a.test\r\n",
  "Host:\ta.test\t\r\n",
  "Host: a.test\r\n b.test\r\n",
  "Host\x00: a.test\r\n",
  "Host: a.test@b.test\r\n",
] as const;

/** What only requests say. */
const OWN_LINES = [
  "Expect: 100-continue",
  "Expect: 100-Continue, x",
  "Expect: x",
  "Connection: upgrade\r\nUpgrade: h2c",
  "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__",
  "Connection: Upgrade\r\nUpgrade: websocket",
  "Upgrade: h2c",
  "Connection: close",
  "Connection: keep-alive",
  "Connection: close, keep-alive",
  "Connection: keep-alive, close",
  "Connection:close\r\nConnection:keep-alive",
  "Connection: \x22close\x22",
  "Connection: close;x",
  "Connection: xclose",
  "Connection: close x",
  "Connection: content-length",
  "Proxy-Connection: keep-alive",
  "Proxy-Connection: close",
  "TE: trailers",
  "Trailer: X-A",
  "X_Under: 1",
] as const;

const BODIES = [
  "",
  "ok",
  "hello world",
  "0\r\n\r\n",
  "GET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n",
  "x".repeat(100),
  "\r\n",
  "5\r\nhello\r\n0\r\n\r\n",
  "\x00\xff",
] as const;

const FRAGMENTS = [
  ...[
    "\r",
    "\n",
    "\r\n",
    "\r\n\r\n",
    "\x00",
    " ",
    "\t",
    ":",
    ";",
    ",",
    "0",
    "chunked",
    "\x80",
    "\x0b",
    "HTTP/1.1",
    "GET / HTTP/1.1\r\n",
  ],
  ...[
    "Content-Length: 1\r\n",
    "Transfer-Encoding: chunked\r\n",
    "0\r\n\r\n",
    "Connection: close\r\n",
    "Connection: upgrade\r\nUpgrade: x\r\n",
  ],
  ...["GET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n", "Host: b.test\r\n", "Expect: 100-continue\r\n"],
] as unknown as Choices; // a literal of spreads, not empty
