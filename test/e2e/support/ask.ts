import { sendHttp2, speaksHttp2 } from "../../support/http2-client.ts";
import { RawClient } from "../../support/raw-http.ts";
import type { LogLine, TestGateway } from "../../support/start-gateway.ts";

/** A request as a client writes it; every byte is the test's. */
export interface Asking {
  readonly method?: string;
  readonly path: string;
  readonly headers?: readonly (readonly [name: string, value: string])[];
  readonly body?: string | Uint8Array;
  /** Sent behind the head as it is, in place of a body; a character a byte. */
  readonly rest?: string;
}

/** What came back, byte for byte. */
export interface Answered {
  readonly status: number;
  /** By lower-case name; several lines joined by a line feed. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** Transfer coding undone. */
  readonly body: Buffer;
  /** Everything received, a character a byte. */
  readonly raw: string;
}

/** A problem body (RFC 9457) as the gateway writes it. */
export interface ProblemBody {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: string;
  readonly retryable: boolean;
  readonly request_id: string;
  readonly body?: unknown;
}

/** Sends one request on a connection of its own and reads the answer to its end. A body gets its `content-length`. */
export async function ask(gateway: Pick<TestGateway, "url">, asking: Asking): Promise<Answered> {
  const { headers = [], rest } = asking;
  const names = headers.map(([name]) => name);
  // names in upper case are written so on purpose
  const isLower = names.every((name) => name === name.toLowerCase());
  if (rest === undefined && isLower && speaksHttp2(gateway.url, names)) return askOverHttp2(gateway.url, asking);
  using client = await RawClient.connect(Number(new URL(gateway.url).port));
  client.socket.write(requestBytes(asking));
  return parseAnswer(await client.toEnd());
}

/** The same request over HTTP/2. Of what was received there is no raw text. */
async function askOverHttp2(url: string, { method = "GET", path, headers = [], body }: Asking): Promise<Answered> {
  const length = body === undefined ? [] : ["content-length", String(Buffer.byteLength(body))];
  const answer = await sendHttp2(url, {
    method,
    authority: "gateway.test",
    path,
    lines: [...headers.flatMap(([name, value]) => [name.toLowerCase(), value]), ...length],
    parts: body === undefined ? [] : [body],
  });
  const byName: Record<string, string> = {};
  for (let i = 0; i < answer.rawHeaders.length; i += 2) {
    const [name = "", value = ""] = [answer.rawHeaders[i], answer.rawHeaders[i + 1]];
    byName[name] = byName[name] === undefined ? value : `${byName[name]}\n${value}`;
  }
  return { status: answer.status, headers: byName, body: answer.body, raw: "" };
}

/** The request as bytes. The `Host` is always the same, so that two gateways are sent the same. */
export function requestBytes({ method = "GET", path, headers = [], body, rest = "" }: Asking): Buffer {
  const bytes = body === undefined ? undefined : Buffer.from(body);
  const lines = [
    `${method} ${path} HTTP/1.1`,
    "Host: gateway.test",
    "Connection: close",
    ...headers.map(([name, value]) => `${name}: ${value}`),
    ...(bytes === undefined ? [] : [`Content-Length: ${bytes.byteLength}`]),
  ];
  return Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1"), bytes ?? Buffer.from(rest, "latin1")]);
}

/** Reads an answer; throws where there is none. */
export function parseAnswer(raw: string): Answered {
  const end = raw.indexOf("\r\n\r\n");
  const [first = "", ...lines] = raw.slice(0, Math.max(end, 0)).split("\r\n");
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(first)?.[1]);
  if (Number.isNaN(status)) throw new Error(`no answer, but: ${JSON.stringify(raw.slice(0, 200))}`);
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const [, name = "", value = ""] = /^([^:]*):[ \t]*(.*?)[ \t]*$/.exec(line) ?? [];
    const known = headers[name.toLowerCase()];
    headers[name.toLowerCase()] = known === undefined ? value : `${known}\n${value}`;
  }
  const rest = raw.slice(end + 4);
  return {
    status,
    headers,
    body: Buffer.from(headers["transfer-encoding"] === "chunked" ? unchunked(rest) : rest, "latin1"),
    raw,
  };
}

/** The body of a problem; throws where the answer is none. */
export function problemOf({ headers, body }: Answered): ProblemBody {
  if (headers["content-type"] !== "application/problem+json")
    throw new Error(`no problem, but ${headers["content-type"]}: ${body.toString()}`);
  return JSON.parse(body.toString()) as ProblemBody; // our own gateway wrote it
}

/** The access log line of the exchange that was answered so. */
export const exchangeLine = (gateway: TestGateway, { headers }: Answered): Promise<LogLine> =>
  gateway.lineWhere(({ event, request_id }) => event === "exchange" && request_id === headers["x-request-id"]);

/** One review inside an access log line. */
export interface ReviewInLine {
  readonly binding: string;
  readonly phase: string;
  readonly verdict?: string;
  readonly failure?: string;
  readonly reason?: string;
  readonly unreviewable?: string;
  readonly cancelled?: boolean;
  readonly failure_policy?: string;
  readonly ms: number;
  readonly message?: string;
  readonly patches?: number;
}

/** The reviews of an access log line, in the order they were asked. */
export const reviewsOf = (line: LogLine): readonly ReviewInLine[] => (line["reviews"] ?? []) as readonly ReviewInLine[]; // our own log wrote it

function unchunked(text: string): string {
  let body = "";
  let at = 0;
  for (;;) {
    const lineEnd = text.indexOf("\r\n", at);
    const size = Number.parseInt(text.slice(at, lineEnd), 16);
    if (lineEnd < 0 || Number.isNaN(size)) throw new Error("the chunks broke off");
    if (size === 0) return body;
    body += text.slice(lineEnd + 2, lineEnd + 2 + size);
    at = lineEnd + 2 + size + 2;
  }
}
