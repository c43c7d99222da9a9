import type { DesyncPayload } from "./desync-payloads.ts";

/**
 * The families of published request smuggling, each carried out over every byte and every place where somebody's parser was found
 * lenient: an obscured length or coding against a plain one, sizes and ends of chunks, ends of lines, request lines. In none of them
 * may `/smuggled` ever be a request: read by RFC 9112 to the letter they hold one request, or none.
 */
export const desyncForms = (): readonly DesyncPayload[] => [
  ...obscured("Transfer-Encoding", "chunked", (line) => [
    ["CL.TE", [CL, line], BODY],
    ["TE.CL", [line, CL], BODY],
    ["TE.TE", [line, "Transfer-Encoding: chunked", CL], BODY],
    ["TE.CL.0", ["Content-Length: 0", line], BODY],
  ]),
  ...obscured("Content-Length", "5", (line) => [
    ["CL.CL", [CL, line], BODY],
    ["CL.CL behind", [line, CL], BODY],
  ]),
  ...obscured("Content-Length", "4", (line) => [["CL.TE", [line, "Transfer-Encoding: chunked"], CHUNK]]),
  ...codings(),
  ...lengths(),
  ...chunkLines(),
  ...lineEnds(),
  ...requestLines(),
];

const SMUGGLED = "GET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n";
const BODY = `0\r\n\r\n${SMUGGLED}`;
/** One chunk; whoever takes the length of its first line for that of the body reads a request behind it. */
const CHUNK = `${SMUGGLED.length.toString(16)}\r\n${SMUGGLED}\r\n0\r\n\r\n`;
const CL = `Content-Length: ${BODY.length}`;

/** Controls, blanks, and what text in other encodings is made of. */
const BYTES: readonly string[] = [
  ...Array.from({ length: 33 }, (_, code) => String.fromCharCode(code)),
  ...["\x7f", "\x80", "\x85", "\x8a", "\x8d", "\xa0", "\xad", "\xc2\xa0", "\xe2\x80\xa8", "\xef\xbb\xbf", "\xff"],
];

/** What stands around a value without being blank. */
const MARKS: readonly string[] = ['"', "'", ",", ";", ":", "=", "/", "\\", "(", "{", "@", "<"];

const shown = (text: string): string => JSON.stringify(text);

const post = (lines: readonly string[], body: string): string =>
  ["POST /first HTTP/1.1", "Host: a.test", ...lines, "", body].join("\r\n");

type Pairing = readonly (readonly [name: string, lines: readonly string[], body: string])[];

/** One line, with something in every place that has ever been overlooked, in every company. */
function obscured(name: string, value: string, pair: (line: string) => Pairing): readonly DesyncPayload[] {
  const half = Math.ceil(name.length / 2);
  const forms: [string, string][] = [];
  for (const odd of BYTES) {
    forms.push(
      [`${shown(odd)} before the name`, `${odd}${name}: ${value}`],
      [`${shown(odd)} behind the name`, `${name}${odd}: ${value}`],
      [`${shown(odd)} within the name`, `${name.slice(0, half)}${odd}${name.slice(half)}: ${value}`],
      [`${shown(odd)} instead of the colon`, `${name}${odd}${value}`],
      [`${shown(odd)} before the value`, `${name}:${odd}${value}`],
      [`${shown(odd)} behind the value`, `${name}: ${value}${odd}`],
      [`${shown(odd)} before a line in a value`, `X: y${odd}${name}: ${value}`],
      [`${shown(odd)} behind CR in a value`, `X: y\r${odd}${name}: ${value}`],
      [`${shown(odd)} behind LF in a value`, `X: y\n${odd}${name}: ${value}`],
    );
  }
  for (const mark of MARKS) {
    forms.push(
      [`${shown(mark)} before the value`, `${name}: ${mark}${value}`],
      [`${shown(mark)} behind the value`, `${name}: ${value}${mark}`],
      [`${shown(mark)} around the value`, `${name}: ${mark}${value}${mark}`],
      [`${shown(mark)} behind the name`, `${name}${mark}: ${value}`],
    );
  }
  forms.push(
    ["two colons", `${name}:: ${value}`],
    ["an underscore", `${name.replace("-", "_")}: ${value}`],
    ["an empty value", `${name}:`],
    ["a folded value", `${name}:\r\n ${value}`],
    ["a folded value, tab", `${name}:\r\n\t${value}`],
    ["a fold before it", `X: y\r\n ${name}: ${value}`],
    ["a fold behind it", `${name}: ${value}\r\n y`],
    ["capitals", `${name.toUpperCase()}: ${value.toUpperCase()}`],
    ["twice", `${name}: ${value}\r\n${name}: ${value}`],
  );
  return forms.flatMap(([how, line]) =>
    pair(line).map(([company, lines, body]) => ({ name: `${company}, ${name}: ${how}`, bytes: post(lines, body) })),
  );
}

/** Codings that are nearly `chunked`, or more than that. */
function codings(): readonly DesyncPayload[] {
  const values = [
    ...["xchunked", "chunkedx", "x chunked", "chunked x", "chunke", "hunked", "cHuNkEd", "CHUNKED", "chunk", "chunked, chunked"],
    ...[
      "identity",
      "identity, chunked",
      "chunked, identity",
      "gzip",
      "gzip, chunked",
      "chunked, gzip",
      "deflate",
      "compress",
      "br",
    ],
    ...[
      "chunked;q=0",
      "chunked;foo=bar",
      ";chunked",
      ",chunked",
      "chunked,",
      ",,chunked",
      "chunked,,",
      '"chunked"',
      "'chunked'",
      "[chunked]",
    ],
    ...[
      "chunked\\",
      "chun\\ked",
      "%63hunked",
      "=?utf-8?q?chunked?=",
      "ch\xfcnked",
      "chunked\x00identity",
      "trailers",
      "0",
      "null",
      "none",
    ],
  ];
  const companies: Pairing = [
    ["before a length", [CL], BODY],
    ["before length 0", ["Content-Length: 0"], BODY],
    ["before the same, plain", ["Transfer-Encoding: chunked", CL], BODY],
  ];
  return values.flatMap((value) =>
    companies.flatMap(([company, lines, body]) => [
      { name: `coding ${shown(value)} ${company}`, bytes: post([`Transfer-Encoding: ${value}`, ...lines], body) },
      { name: `coding ${shown(value)} not ${company}`, bytes: post([...lines, `Transfer-Encoding: ${value}`], body) },
      {
        name: `coding ${shown(value)} ${company}, HTTP/1.0`,
        bytes: post([`Transfer-Encoding: ${value}`, ...lines], body).replace("1.1", "1.0"),
      },
    ]),
  );
}

/** Lengths that are nearly a number. */
function lengths(): readonly DesyncPayload[] {
  const n = String(BODY.length);
  const values = [
    ...[
      `+${n}`,
      `-${n}`,
      `0${n}`,
      `00${n}`,
      `${n}.0`,
      `${n}.`,
      `.${n}`,
      `${n}e0`,
      `${n},`,
      `,${n}`,
      `${n},${n}`,
      `${n}, ${n}`,
      `${n};${n}`,
    ],
    ...[
      `0x${BODY.length.toString(16)}`,
      `0o${BODY.length.toString(8)}`,
      `0b1`,
      `${n} ${n}`,
      `${n}\t${n}`,
      `${n}a`,
      `a${n}`,
      `${n}_0`,
      `1_0`,
    ],
    ...[
      "0, 5",
      "5, 0",
      "-0",
      "+0",
      "00",
      "0x0",
      "0.0",
      "",
      " ",
      "NaN",
      "Infinity",
      "null",
      "true",
      `"${n}"`,
      `'${n}'`,
      `(${n})`,
      `${n}%20`,
    ],
    ...[
      "4294967296",
      "4294967301",
      "9007199254740993",
      "18446744073709551616",
      "18446744073709551621",
      "99999999999999999999999",
      "\xb2",
      "\xd9\xa5",
    ],
  ];
  return values.flatMap((value) => [
    { name: `length ${shown(value)}`, bytes: post([`Content-Length: ${value}`, "Content-Length: 0"], BODY) },
    { name: `length ${shown(value)} behind another`, bytes: post(["Content-Length: 5", `Content-Length: ${value}`], BODY) },
    {
      name: `length ${shown(value)} beside a coding`,
      bytes: post([`Content-Length: ${value}`, "Transfer-Encoding: chunked"], BODY),
    },
    { name: `length ${shown(value)} of a GET`, bytes: post([`Content-Length: ${value}`, CL], BODY).replace("POST", "GET") },
  ]);
}

/** Chunks whose sizes and ends are a matter of taste; what a lenient reader takes for the end is followed by another request. */
function chunkLines(): readonly DesyncPayload[] {
  const sent = (name: string, body: string): DesyncPayload => ({
    name: `chunk: ${name}`,
    bytes: post(["Transfer-Encoding: chunked"], body),
  });
  const forms: DesyncPayload[] = [];
  for (const odd of BYTES) {
    // ends as the standard has it are no oddity
    if (odd === "\r") continue;
    forms.push(
      sent(`${shown(odd)} before the size`, `${odd}5\r\nhello\r\n0\r\n\r\n${SMUGGLED}`),
      sent(`${shown(odd)} behind the size`, `5${odd}\r\nhello\r\n0\r\n\r\n${SMUGGLED}`),
      sent(`${shown(odd)} for the line end`, `5${odd}hello\r\n0\r\n\r\n${SMUGGLED}`),
      sent(`${shown(odd)} behind the bytes`, `5\r\nhello${odd}0\r\n\r\n${SMUGGLED}`),
      sent(`${shown(odd)} behind the last size`, `5\r\nhello\r\n0${odd}\r\n\r\n${SMUGGLED}`),
      sent(`${shown(odd)} behind the last line`, `5\r\nhello\r\n0\r\n${odd}\r\n${SMUGGLED}`),
    );
    if (odd !== "\n") forms.push(sent(`${shown(odd)} for the LF`, `5\r${odd}hello\r\n0\r\n\r\n${SMUGGLED}`));
    if (odd !== " " && odd !== "\t" && odd < "\x80")
      forms.push(
        sent(`${shown(odd)} in an extension`, `5;a${odd}b\r\nhello\r\n0\r\n\r\n${SMUGGLED}`),
        sent(`${shown(odd)} in an extension's value`, `5;a="b${odd}c\r\nhello\r\n0\r\n\r\n${SMUGGLED}`),
        sent(`${shown(odd)} in a trailer`, `5\r\nhello\r\n0\r\nX: y${odd}Z: z\r\n\r\n${SMUGGLED}`),
      );
  }
  for (const size of [
    "+5",
    "-5",
    "0x5",
    "05h",
    "5h",
    "5.0",
    "5,",
    "5_",
    "0x",
    "x5",
    "",
    "fffffffff",
    "fffffffffffffffff",
    "10000000000000005",
    "5 5",
  ])
    forms.push(
      sent(`size ${shown(size)}`, `${size}\r\nhello\r\n0\r\n\r\n${SMUGGLED}`),
      sent(`size ${shown(size)} with an extension`, `${size};a=b\r\nhello\r\n0\r\n\r\n${SMUGGLED}`),
    );
  return forms;
}

/** Heads whose lines end otherwise. */
function lineEnds(): readonly DesyncPayload[] {
  const ends = [
    "\n",
    "\r",
    "\n\r",
    "\r\r\n",
    "\r\n\n",
    "\x85",
    "\x0b",
    "\x0c",
    "\xe2\x80\xa8",
    "\r\x00\n",
    "\\r\\n",
    "%0d%0a",
    "\u010d\u010a",
  ];
  return ends.flatMap((end) => {
    const at = (place: number): string => {
      const lines = ["POST /first HTTP/1.1", "Host: a.test", CL, "Transfer-Encoding: chunked", ""];
      return lines.map((line, i) => line + (i === place ? end : "\r\n")).join("") + BODY;
    };
    // as text, it makes the length a part of the host: what is left has one reading
    const isText = !/[\0-\x1f]/.test(end);
    const places = isText ? [0, 2, 3, 4] : [0, 1, 2, 3, 4];
    return places.map((place) => ({ name: `line ${place} ends in ${shown(end)}`, bytes: at(place) }));
  });
}

/** Request lines with something odd in every gap. */
function requestLines(): readonly DesyncPayload[] {
  return BYTES.flatMap((odd) => [
    { name: `${shown(odd)} before the method`, bytes: request(`${odd}GET /first HTTP/1.1`) },
    { name: `${shown(odd)} for the first space`, bytes: request(`GET${odd}/first HTTP/1.1`) },
    { name: `${shown(odd)} for the second space`, bytes: request(`GET /first${odd}HTTP/1.1`) },
    { name: `${shown(odd)} behind the version`, bytes: request(`GET /first HTTP/1.1${odd}`) },
    { name: `${shown(odd)} and another version`, bytes: request(`GET /first HTTP/1.1${odd}HTTP/1.1`) },
    { name: `${shown(odd)} in the target`, bytes: request(`GET /fi${odd}rst HTTP/1.1`) },
  ]);
}

/** Whatever the line says, the body is one by one reading and a request by the other. */
const request = (line: string): string => `${line}\r\nHost: a.test\r\n${CL}\r\nTransfer-Encoding: chunked\r\n\r\n${BODY}`;
