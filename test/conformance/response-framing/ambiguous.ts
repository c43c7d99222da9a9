/** A response that two readers may frame differently, a character a byte; `evil` is what the smuggled one says. */
export interface AmbiguousResponse {
  readonly name: string;
  readonly bytes: string;
}

const EVIL = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";

const withLines = (name: string, lines: readonly string[], body: string): AmbiguousResponse => ({
  name,
  bytes: ["HTTP/1.1 200 OK", ...lines, "", body].join("\r\n"),
});

/** A body that is empty read one way, and a second response read the other. */
const EMPTY_THEN_EVIL = `0\r\n\r\n${EVIL}`;

const lengths: readonly AmbiguousResponse[] = [
  [
    "+0",
    "-0",
    "00",
    "0x0",
    "0, 0",
    "0 0",
    "0,",
    ",0",
    "0;",
    '"0"',
    "0.0",
    "0e0",
    "\xb20",
    "",
    " ",
    "\x0b0",
    "0\x00",
    "18446744073709551616",
    "9007199254740992",
  ],
]
  .flat()
  .map((length) => withLines(`a length of ${JSON.stringify(length)}`, [`Content-Length: ${length}`], EVIL));

const codings: readonly AmbiguousResponse[] = [
  [
    "xchunked",
    "chunkedx",
    "chunked, chunked",
    "gzip, chunked",
    "chunked, gzip",
    "chunked;q=1",
    "chunked\t",
    "chunked ",
    '"chunked"',
    "identity",
    "chunked,",
    ",chunked",
    "\x0bchunked",
    "chunked\x00",
    "chun\tked",
    "",
  ],
]
  .flat()
  .map((coding) => withLines(`a coding of ${JSON.stringify(coding)}`, [`Transfer-Encoding: ${coding}`], EMPTY_THEN_EVIL));

const chunkLines: readonly AmbiguousResponse[] = [
  ["0x0", "+0", "-0", " 0", "0 ", "", "0;\x00", "0;a\n", "0\n", '0;a="\r\n', "g", "0_0", "000000000", "0;;", "0\t", "\r\n0"],
]
  .flat()
  .map((size) => withLines(`a chunk line of ${JSON.stringify(size)}`, ["Transfer-Encoding: chunked"], `${size}\r\n\r\n${EVIL}`));

const lines: readonly AmbiguousResponse[] = [
  [
    "Content-Length : 0",
    " Content-Length: 0",
    "Content-Length\t: 0",
    "Content-Length\x00: 0",
    "Content-Length: 0\n",
    "Content-Length: 0\rX: y",
    "X: a\r\n Content-Length: 0",
    "X: a\r\n\tb",
    "X: a\nContent-Length: 0",
    "X: a\x00b",
    "Content-Length",
    ": 0",
    "Content Length: 0",
    "\xa0Content-Length: 0",
  ],
]
  .flat()
  .map((line) => withLines(`the line ${JSON.stringify(line)}`, [line], EVIL));

const chunkEnds: readonly AmbiguousResponse[] = ["\n", "\r", "", "\r\r\n", "\n\r", "xx", " \r\n"].map((end) =>
  withLines(`a chunk ended by ${JSON.stringify(end)}`, ["Transfer-Encoding: chunked"], `2\r\nok${end}${EMPTY_THEN_EVIL}`),
);

/** What must neither be passed on as two responses nor leave a connection behind that is used again. */
export const AMBIGUOUS: readonly AmbiguousResponse[] = [
  ...[lengths, codings, chunkLines, lines, chunkEnds].flat(),
  withLines("length and chunks", ["Content-Length: 0", "Transfer-Encoding: chunked"], EMPTY_THEN_EVIL),
  withLines("chunks and length", ["Transfer-Encoding: chunked", "Content-Length: 5"], EMPTY_THEN_EVIL),
  withLines("the same length twice", ["Content-Length: 0", "Content-Length: 0"], EVIL),
  withLines("two lengths", ["Content-Length: 0", `content-length: ${EVIL.length}`], EVIL),
  withLines("chunks twice", ["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"], EMPTY_THEN_EVIL),
  withLines("a length, then another response", ["Content-Length: 0"], EVIL),
  withLines("chunks, then another response", ["Transfer-Encoding: chunked"], EMPTY_THEN_EVIL),
  { name: "204, then another response", bytes: `HTTP/1.1 204 x\r\n\r\n${EVIL}` },
  { name: "304 with a length, then another response", bytes: `HTTP/1.1 304 x\r\nContent-Length: ${EVIL.length}\r\n\r\n${EVIL}` },
  { name: "101, then anything", bytes: `HTTP/1.1 101 x\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n${EVIL}` },
  { name: "HTTP/1.0 with chunks", bytes: `HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${EMPTY_THEN_EVIL}` },
  { name: "an empty line first", bytes: `\r\n${EVIL}` },
  { name: "a status line ended by LF", bytes: `HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n${EVIL}` },
  {
    name: "an interim response with a length",
    bytes: `HTTP/1.1 103 x\r\nContent-Length: ${EVIL.length}\r\n\r\n${EVIL}HTTP/1.1 204 x\r\n\r\n`,
  },
];
