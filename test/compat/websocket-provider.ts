import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import type { RawData, WebSocket } from "ws";

/** A session some client opened at the provider. */
export interface ProviderSession {
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
}

/** A provider of LLMs on loopback that speaks with its clients over WebSockets, as two do. */
export interface WebSocketProvider extends AsyncDisposable {
  readonly url: string;
  readonly sessions: readonly ProviderSession[];
}

/** Starts one: `realtime` events on `/v1/realtime`, live messages elsewhere. */
export async function startWebSocketProvider(): Promise<WebSocketProvider> {
  const { WebSocketServer } = await import("ws");
  const sessions: ProviderSession[] = [];
  const server = createServer((_request, response) => void response.writeHead(426).end());
  const handleProtocols = (offered: Set<string>): string | false => (offered.has("realtime") ? "realtime" : false);
  const sockets = new WebSocketServer({ server, handleProtocols });
  sockets.on("connection", (socket, { url = "", headers }) => {
    sessions.push({ url, headers });
    if (url.startsWith("/v1/realtime")) realtime(socket);
    else live(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo; // a listening TCP server has an AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    sessions,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets.clients) socket.terminate();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Says that the session stands, and answers what it is asked with one text. */
function realtime(socket: WebSocket): void {
  const say = (event: object): void => socket.send(JSON.stringify(event));
  say({ type: "session.created", event_id: "e1", session: { type: "realtime", id: "s1" } });
  socket.on("message", (bytes) => {
    const { type } = JSON.parse(textOf(bytes)) as { readonly type: string }; // what the SDK sends has one
    if (type !== "response.create") return;
    say({
      type: "response.output_text.delta",
      event_id: "e2",
      delta: "hello",
      response_id: "r1",
      item_id: "i1",
      output_index: 0,
      content_index: 0,
    });
    say({ type: "response.done", event_id: "e3", response: { id: "r1", status: "completed" } });
  });
}

/** Completes the set-up and answers each turn with one text; in binary frames, as that API does. */
function live(socket: WebSocket): void {
  const say = (message: object): void => socket.send(Buffer.from(JSON.stringify(message)));
  socket.on("message", (bytes) => {
    const message = JSON.parse(textOf(bytes)) as { readonly setup?: object }; // an object, always
    if (message.setup !== undefined) return say({ setupComplete: {} });
    say({ serverContent: { modelTurn: { role: "model", parts: [{ text: "hello" }] }, turnComplete: true } });
  });
}

const textOf = (bytes: RawData): string => Buffer.concat([bytes].flat().map((part) => new Uint8Array(part))).toString();
