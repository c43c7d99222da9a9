import { expect } from "vitest";
import { startGateway, type LogLine, type TestGateway } from "../../support/start-gateway.ts";
import { gatewayFiles } from "../../support/start-interceptor.ts";
import {
  handshake,
  lineOf,
  openWebSocket,
  startWebSocketUpstream,
  type AnswerHead,
  type WebSocketPeer,
  type WebSocketUpstream,
} from "../../support/websocket-peer.ts";
import { configuration, openRoute } from "./configuration.ts";

/** Listeners' codecs and clients towards upstreams, all of which carry the same WebSockets. */
export const COMBINATIONS = [
  { codec: "node", upstreamClient: "undici" },
  { codec: "sallyport", upstreamClient: "sallyport" },
  { codec: "node", upstreamClient: "sallyport" },
  { codec: "sallyport", upstreamClient: "undici" },
] as const;

/** A gateway before an upstream that speaks WebSocket. */
export interface WebSocketPlace extends AsyncDisposable {
  readonly gateway: TestGateway;
  readonly upstream: WebSocketUpstream;
  /** What the upstream answers from now on. */
  answer: AnswerHead;
  /** Both ends of a new one. */
  open(
    path?: string,
    lines?: Readonly<Record<string, string | undefined>>,
  ): Promise<{ client: WebSocketPeer; server: WebSocketPeer }>;
  /** The line of log of one that is over. */
  lineFor(client: WebSocketPeer): Promise<LogLine>;
}

/** Starts one with routes `auto`, `small` (messages of 1 KiB), `quiet` (200 ms of silence) and `none`. */
export async function webSocketPlace(combination: (typeof COMBINATIONS)[number]): Promise<WebSocketPlace> {
  const state: { answer: AnswerHead } = { answer: () => undefined };
  const upstream = await startWebSocketUpstream((head, socket) => state.answer(head, socket));
  const gateway = await startGateway({
    ...combination,
    files: await gatewayFiles(),
    config: configuration({
      upstreams: { main: { endpoints: [upstream.url] } },
      routes: [
        openRoute("auto"),
        openRoute("small", { streaming: "websocket", websocket: { max_message_bytes: "1KiB" } }),
        openRoute("quiet", { websocket: { idle: "200ms" } }),
        openRoute("none", { streaming: "none" }),
      ],
    }),
  });
  return {
    gateway,
    upstream,
    get answer() {
      return state.answer;
    },
    set answer(next) {
      state.answer = next;
    },
    async open(path = "/auto", lines = {}) {
      state.answer = () => undefined;
      const opened = upstream.opened();
      const client = await openWebSocket(gateway, handshake(path, lines));
      expect(client.head).toMatch(/^HTTP\/1\.1 101 /);
      return { client, server: await opened };
    },
    lineFor: (client) =>
      gateway.lineWhere(({ event, request_id }) => event === "exchange" && request_id === lineOf(client.head, "x-request-id")),
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]();
      await upstream[Symbol.asyncDispose]();
    },
  };
}
