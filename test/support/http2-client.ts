import { connect, type ClientHttp2Session, type ClientSessionOptions } from "node:http2";
import type { ClientAnswer, ClientOptions } from "./http-client.ts";

/** Origins a test run speaks HTTP/2 to, by prior knowledge. */
const ORIGINS = new Set<string>();

/** From now on requests to that URL's origin go over HTTP/2. */
export const speakHttp2To = (url: string): void => void ORIGINS.add(new URL(url).origin);

/** Whether a request does; one with a field HTTP/2 does not have never does. */
export const speaksHttp2 = (url: string, names: readonly string[]): boolean =>
  ORIGINS.has(new URL(url).origin) && !names.some((name) => NOT_IN_HTTP2.test(name));

/** A length of the test's own may be a lie, which HTTP/2 knows at once. */
const NOT_IN_HTTP2 = /^(?:connection|content-length|host|keep-alive|proxy-connection|te|transfer-encoding|upgrade)$|[^-a-z0-9]/i;

/** A request as HTTP/2 has it. */
export interface Http2Request {
  readonly method: string;
  readonly authority: string;
  /** As it is written. */
  readonly path: string;
  /** Names and values, alternating. */
  readonly lines: readonly string[];
  readonly parts: readonly (string | Uint8Array)[];
}

/** A field twice is the gateway's to refuse. The types do not know the option. */
const AS_THE_TEST_SAYS = { strictSingleValueFields: false, settings: { enablePush: false } };

/** Sends one request on a connection of its own and reads the whole answer; rejects when its stream is reset. */
export async function sendHttp2(origin: string, request: Http2Request): Promise<ClientAnswer> {
  const session = connect(origin, AS_THE_TEST_SAYS);
  try {
    return await exchange(session, request);
  } finally {
    session.destroy();
  }
}

/** The same with what a client of HTTP/1.1 would have been given. */
export function sendOverHttp2(url: string, { method, headers = {}, body }: ClientOptions): Promise<ClientAnswer> {
  const { origin, host, pathname, search } = new URL(url);
  const parts = body === undefined ? [] : typeof body === "string" || body instanceof Uint8Array ? [body] : body;
  const length = body !== undefined && parts[0] === body ? ["content-length", String(Buffer.byteLength(body))] : [];
  const lines = Object.entries(headers).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).flatMap((each) => (each === undefined ? [] : [name.toLowerCase(), String(each)])),
  );
  return sendHttp2(origin, {
    method: method ?? (body === undefined ? "GET" : "POST"),
    authority: host,
    path: pathname + search,
    lines: [...length, ...lines],
    parts,
  });
}

function exchange(session: ClientHttp2Session, request: Http2Request): Promise<ClientAnswer> {
  const { method, authority, path, lines, parts } = request;
  const { promise, resolve, reject } = Promise.withResolvers<ClientAnswer>();
  const pseudo = [":method", method, ":scheme", "http", ":authority", authority, ":path", path];
  const stream = session.request([...pseudo, ...lines], { endStream: parts.length === 0 });
  const chunks: Buffer[] = [];
  let status = 0;
  let rawHeaders: readonly string[] = [];
  session.on("error", reject);
  stream.on("error", reject);
  stream.on("response", (head, _flags, raw) => {
    status = head[":status"] ?? 0;
    rawHeaders = raw.slice(2);
  });
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  stream.on("end", () => {
    const bytes = Buffer.concat(chunks);
    resolve({
      status,
      headers: joined(rawHeaders),
      rawHeaders,
      body: bytes,
      text: bytes.toString("utf8"),
      json: () => JSON.parse(bytes.toString("utf8")) as Record<string, unknown>, // the tests send requests answered with JSON objects
    });
  });
  stream.on("close", () => reject(new Error("closed before the answer was whole")));
  for (const part of parts) stream.write(part);
  if (parts.length > 0) stream.end();
  return promise;
}

function joined(raw: readonly string[]): Readonly<Record<string, string>> {
  const headers: Record<string, string> = {};
  for (let i = 0; i < raw.length; i += 2) {
    const [name = "", value = ""] = [raw[i], raw[i + 1]];
    headers[name] = headers[name] === undefined ? value : `${headers[name]}, ${value}`;
  }
  return headers;
}
