import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A request as the provider saw it. */
export interface ProviderRequest {
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

/** A provider of LLMs on loopback that answers in the words of three. */
export interface FakeProvider extends AsyncDisposable {
  readonly url: string;
  readonly seen: readonly ProviderRequest[];
  /** Resolves when a client left in the middle of a stream. */
  readonly left: Promise<void>;
}

/** Starts one. A prompt that holds `fail <status>` is answered with that status, one that holds `endless` with a stream that has no end. */
export async function startProvider(): Promise<FakeProvider> {
  const seen: ProviderRequest[] = [];
  const left = Promise.withResolvers<void>();
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (part: string) => (body += part));
    request.on("end", () => {
      const { url = "", headers } = request;
      seen.push({ url, headers, body });
      answer({ url, headers, body }, response, () => left.resolve());
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo; // a listening TCP server has an AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    seen,
    left: left.promise,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function answer({ url, body }: ProviderRequest, response: ServerResponse, onLeft: () => void): void {
  const [, status] = /fail (\d{3})/.exec(body) ?? [];
  if (status !== undefined) return fail(response, Number(status));
  if (body.includes("endless")) return endless(response, onLeft);
  const isStream = url.includes("alt=sse") || /"stream": ?true/.test(body);
  const path = url.split("?", 1)[0] ?? "";
  if (path.endsWith("/chat/completions")) return isStream ? events(response, CHAT_EVENTS) : json(response, CHAT);
  if (path.endsWith("/messages")) return isStream ? events(response, MESSAGE_EVENTS) : json(response, MESSAGE);
  if (path.includes(":")) return isStream ? events(response, CONTENT_EVENTS) : json(response, CONTENT);
  return json(response, { object: "list", data: [{ id: "m", object: "model", created: 0, owned_by: "us" }] });
}

function json(response: ServerResponse, body: unknown, status = 200): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

function fail(response: ServerResponse, status: number): void {
  json(response, { error: { message: "inner: shard 7 of db.internal", type: "provider_error", code: "provider_code" } }, status);
}

function endless(response: ServerResponse, onLeft: () => void): void {
  response.once("close", onLeft);
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.write(`data: ${JSON.stringify(CHAT_CHUNK("never"))}\n\n`);
}

/** One write each, so that they travel apart. */
function events(response: ServerResponse, list: readonly string[]): void {
  response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8" });
  const [first, ...rest] = list;
  if (first === undefined) return void response.end();
  response.write(first, () => setImmediate(() => more(response, rest)));
}

function more(response: ServerResponse, list: readonly string[]): void {
  const [first, ...rest] = list;
  if (first === undefined) return void response.end();
  response.write(first, () => setImmediate(() => more(response, rest)));
}

const CHAT = {
  id: "c1",
  object: "chat.completion",
  created: 0,
  model: "m",
  choices: [{ index: 0, finish_reason: "stop", message: { role: "assistant", content: "hello" } }],
};

const CHAT_CHUNK = (content: string): unknown => ({
  id: "c1",
  object: "chat.completion.chunk",
  created: 0,
  model: "m",
  choices: [{ index: 0, delta: { content }, finish_reason: null }],
});

const CHAT_EVENTS = [
  ": a comment\n\n",
  ...["he", "llo"].map((text) => `data: ${JSON.stringify(CHAT_CHUNK(text))}\n\n`),
  "data: [DONE]\n\n",
];

const MESSAGE = {
  id: "msg_1",
  type: "message",
  role: "assistant",
  model: "m",
  content: [{ type: "text", text: "hello" }],
  stop_reason: "end_turn",
  stop_sequence: null,
  usage: { input_tokens: 1, output_tokens: 1 },
};

const MESSAGE_EVENTS = [
  { type: "message_start", message: { ...MESSAGE, content: [], stop_reason: null } },
  { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } },
  { type: "ping" },
  { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "he" } },
  { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "llo" } },
  { type: "content_block_stop", index: 0 },
  { type: "message_delta", delta: { stop_reason: "end_turn", stop_sequence: null }, usage: { output_tokens: 1 } },
  { type: "message_stop" },
].map((event) => `event: ${event.type}\r\ndata: ${JSON.stringify(event)}\r\n\r\n`);

const CANDIDATE = (text: string): unknown => ({ candidates: [{ content: { role: "model", parts: [{ text }] } }] });

const CONTENT = CANDIDATE("hello");

const CONTENT_EVENTS = ["he", "llo"].map((text) => `data: ${JSON.stringify(CANDIDATE(text))}\r\n\r\n`);
