import {
  Agent as PlainAgent,
  request as plainRequest,
  type ClientRequest,
  type IncomingMessage,
  type OutgoingHttpHeaders,
} from "node:http";
import { request as tlsRequest } from "node:https";
import type { ConnectionOptions } from "node:tls";
import { sendOverHttp2, speaksHttp2 } from "./http2-client.ts";

/** One request of a test; a client that follows nothing, retries nothing and decodes nothing. */
export interface ClientOptions {
  readonly method?: string;
  readonly headers?: OutgoingHttpHeaders;
  /** Several chunks, or none declared, go out chunked. */
  readonly body?: string | Uint8Array | readonly (string | Uint8Array)[];
  readonly agent?: PlainAgent;
  readonly tls?: ConnectionOptions;
}

/** A whole answer. */
export interface ClientAnswer {
  readonly status: number;
  /** Lower-case names; lines of one name joined as Node joins them. */
  readonly headers: Readonly<Record<string, string>>;
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
  readonly text: string;
  // what a test reads out of JSON it then compares
  json(): Record<string, unknown>;
}

/** Sends one request and reads the whole answer; rejects when the connection breaks before its end. */
export async function send(url: string, options: ClientOptions = {}): Promise<ClientAnswer> {
  const { agent, tls, headers = {} } = options;
  if (agent === undefined && tls === undefined && speaksHttp2(url, Object.keys(headers))) return sendOverHttp2(url, options);
  const { request, response } = begin(url, options);
  for (const part of partsOf(options.body)) request.write(part);
  request.end();
  return whole(await response);
}

/** A request under way: its body is the caller's to write and to end, its answer comes with the head. */
export interface Begun {
  readonly request: ClientRequest;
  readonly response: Promise<IncomingMessage>;
}

/** Begins a request without ending it. */
export function begin(url: string, { method, headers = {}, body, agent, tls = {} }: ClientOptions = {}): Begun {
  const length = typeof body === "string" || body instanceof Uint8Array ? { "content-length": Buffer.byteLength(body) } : {};
  const options = {
    method: method ?? (body === undefined ? "GET" : "POST"),
    headers: { ...length, ...headers },
    ...(agent === undefined ? {} : { agent }),
  };
  const request = url.startsWith("https:") ? tlsRequest(url, { ...options, ...tls, agent: false }) : plainRequest(url, options);
  const response = new Promise<IncomingMessage>((resolve, reject) => {
    request.once("response", resolve);
    request.once("error", reject);
    request.once("close", () => reject(new Error("closed before the response head")));
  });
  // a test that cuts its request does not always await the answer
  response.catch(() => {});
  return { request, response };
}

/** Reads an answer to its end. */
export async function whole(response: IncomingMessage): Promise<ClientAnswer> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer); // no encoding was set
  const body = Buffer.concat(chunks);
  return {
    status: response.statusCode ?? 0,
    headers: Object.fromEntries(
      Object.entries(response.headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(", ") : (value ?? "")]),
    ),
    rawHeaders: response.rawHeaders,
    body,
    text: body.toString("utf8"),
    json: () => JSON.parse(body.toString("utf8")) as Record<string, unknown>, // the tests send requests answered with JSON objects
  };
}

function partsOf(body: ClientOptions["body"]): readonly (string | Uint8Array)[] {
  if (body === undefined) return [];
  return typeof body === "string" || body instanceof Uint8Array ? [body] : body;
}

/** Keeps at most one connection, so that requests sent through it share one. */
export const oneConnection = (): PlainAgent => new PlainAgent({ keepAlive: true, maxSockets: 1 });
