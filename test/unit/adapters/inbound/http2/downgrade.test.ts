import { describe, expect, it } from "vitest";
import type { Exchange } from "../../../../../src/model/exchange.ts";
import { ingress } from "../../../../../src/policies/ingress/receive.ts";
import { startInbound, textResponse } from "../../../../support/inbound.ts";
import { fixedIds } from "../../../../support/fixed-ids.ts";
import { FLAG, FRAME, frame, headerBlock, RawHttp2, requestFields } from "../../../../support/raw-http2-client.ts";

/** What becomes a second request, another header or another framing where a proxy writes it into HTTP/1.1 as it came. */
const SMUGGLED = [
  "\r\nx-smuggled: 1",
  "\nx-smuggled: 1",
  "\rx-smuggled: 1",
  "\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n",
  "\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n",
  "\r\ncontent-length: 0\r\n\r\n",
  " HTTP/1.1\r\nHost: smuggled\r\n\r\n",
  " HTTP/1.0\r\n\r\n",
  "\0",
  "\t",
  " ",
  "\v\f",
  "\x7f",
  "\x85",
  "\u00e9",
  ":",
  "@smuggled",
  "#smuggled",
  "/../smuggled",
  "%0d%0ax-smuggled: 1",
  "%2f..%2fsmuggled",
  "%00",
  "\\smuggled",
  ";smuggled",
];

const LENGTHS = [
  "0",
  "1",
  "5",
  "05",
  "+5",
  "-5",
  "5 ",
  " 5",
  "5,5",
  "5, 5",
  "0x5",
  "5e0",
  "5.0",
  "",
  "99999999999999999999",
  "5\r\n",
];
const CODINGS = ["chunked", " chunked", "Chunked", "identity", "xchunked", "chunked\r\nx: y", "gzip, chunked", "trailers", ""];
const FRAMING_NAMES = [
  "transfer-encoding",
  "transfer_encoding",
  "Transfer-Encoding",
  "transfer-encoding ",
  " transfer-encoding",
  "transfer-encoding:",
  "\ntransfer-encoding",
  "te",
  "connection",
  "upgrade",
  "keep-alive",
  "proxy-connection",
  "http2-settings",
];

type Fields = readonly (readonly [string, string])[];

function* forms(): Generator<Fields> {
  for (const evil of SMUGGLED) {
    for (const pseudo of [":method", ":path", ":authority", ":scheme"])
      for (const place of [(old: string) => old + evil, (old: string) => evil + old, () => evil])
        yield requestFields("/a").map(([name, old]) => [name, name === pseudo ? place(old) : old]);
    for (const name of ["x-a", "cookie", "host", "authorization", "content-type", "content-length", "x-forwarded-for"]) {
      yield requestFields("/a", [[name, `v${evil}`]]);
      yield requestFields("/a", [[name, `${evil}v`]]);
      yield requestFields("/a", [
        [name, "v"],
        [name, evil],
      ]);
      yield requestFields("/a", [[`${name}${evil}`, "v"]]);
      yield requestFields("/a", [[`${evil}${name}`, "v"]]);
    }
    yield [...requestFields("/a"), [`:x${evil}`, "v"]];
  }
  for (const length of LENGTHS) {
    yield requestFields("/a", [["content-length", length]], "POST");
    yield requestFields(
      "/a",
      [
        ["content-length", "5"],
        ["content-length", length],
      ],
      "POST",
    );
    for (const coding of CODINGS)
      yield requestFields(
        "/a",
        [
          ["content-length", length],
          ["transfer-encoding", coding],
        ],
        "POST",
      );
  }
  for (const name of FRAMING_NAMES) for (const coding of CODINGS) yield requestFields("/a", [[name, coding]], "POST");
}

/** What is wrong with an exchange that was admitted; it must be one and the same request in whatever form it is written. */
function* faultsOf({ head, body }: Exchange): Generator<string> {
  if (!/^[A-Z][A-Z-]*$/.test(head.method)) yield `method ${head.method}`;
  if (!/^\/[\x21-\x7e]*$/.test(head.path) || /[#?]/.test(head.path)) yield `path ${head.path}`;
  if (head.query !== undefined && !/^[\x21-\x7e]*$/.test(head.query)) yield `query ${head.query}`;
  if (head.host !== "localhost") yield `host ${head.host}`;
  if (!head.headers.isWritable) yield "a header that cannot be written";
  for (const name of ["transfer-encoding", "connection", "upgrade", "keep-alive", "te", "proxy-connection", "x-smuggled"])
    if (head.headers.has(name)) yield name;
  const lengths = head.headers.lines("content-length");
  if (lengths.length > 1 || lengths.some((length) => String(Number(length)) !== length)) yield `lengths ${lengths.join()}`;
  if (lengths.length === 1 && body === undefined && lengths[0] !== "0") yield "a length without a body";
}

describe("a request over HTTP/2 that would be another one in HTTP/1.1", () => {
  it("is refused, in more than a thousand forms, each with a body and without", async () => {
    const receive = ingress({ trustedProxies: { addresses: { has: () => false }, headers: "none" }, singleValued: new Set() });
    const faults: string[] = [];
    let admitted = 0;
    await using inbound = await startInbound(
      (received) => {
        const arrival = receive(received, fixedIds());
        if (arrival.kind === "refused") return textResponse("refused", 400);
        admitted += 1;
        faults.push(...faultsOf(arrival.exchange));
        return textResponse("ok");
      },
      { protocols: ["h2c"] },
    );
    const all = [...forms()];
    expect(all.length).toBeGreaterThan(1_000);
    for (let from = 0; from < all.length; from += 40) {
      for (const hasBody of [false, true]) await sendAll(inbound.port, all.slice(from, from + 40), hasBody);
    }
    expect(faults).toEqual([]);
    // some are harmless; were none let through, nothing would have been tried
    expect(admitted).toBeGreaterThan(100);
  }, 60_000);
});

/** Sends requests on one connection and waits until each has its end. */
async function sendAll(port: number, all: readonly Fields[], hasBody: boolean): Promise<void> {
  using client = await RawHttp2.connect(port);
  const over = (stream: number): boolean =>
    client.resetOf(stream) !== undefined ||
    client.frames.some((each) => each.stream === stream && (each.flags & FLAG.endStream) !== 0 && each.type <= FRAME.headers);
  for (const [i, fields] of all.entries()) {
    const stream = 2 * i + 1;
    const flags = FLAG.endHeaders | (hasBody ? 0 : FLAG.endStream);
    client.send(frame(FRAME.headers, { flags, stream, payload: headerBlock(fields) }));
    if (hasBody) client.send(frame(FRAME.data, { flags: FLAG.endStream, stream, payload: Buffer.from("hello") }));
    await client.until(() => over(stream) || client.goaway !== undefined);
    // one that ends the connection takes no other with it
    if (client.goaway !== undefined && i + 1 < all.length) return sendAll(port, all.slice(i + 1), hasBody);
  }
}
