import { startGrpcEcho } from "./grpc-echo.ts";
import { startStreamingUpstream } from "./start-streaming-upstream.ts";
import { OPCODES, startWebSocketUpstream, type WebSocketPeer, type WebSocketUpstream } from "./websocket-peer.ts";

/** Events of one stream, and the pause between two, milliseconds. */
export const EVENTS = { count: 10, everyMs: 100 } as const;

/** Handshakes that may be answered in one turn. */
const AT_ONCE = 16;

/** Upstreams for clients of every kind: `/events` streams, `/ws` and gRPC echo, all else is answered at once. */
export interface EveryUpstream extends AsyncDisposable {
  /** The upstreams and routes of a configuration. */
  readonly sections: string;
}

/** Starts them. */
export async function startEveryUpstream(): Promise<EveryUpstream> {
  const stack = new AsyncDisposableStack();
  const main = stack.use(
    await startStreamingUpstream((request, response) => {
      request.resume();
      if (request.url !== "/events") return void response.end("ok");
      response.writeHead(200, { "content-type": "text/event-stream" });
      let count = 0;
      const timer = setInterval(() => {
        count += 1;
        response.write(`id: ${count}\ndata: x\n\n`);
        if (count < EVENTS.count) return;
        clearInterval(timer);
        response.end();
      }, EVENTS.everyMs);
      response.once("close", () => clearInterval(timer));
    }),
  );
  const sockets = stack.use(await startWebSocketUpstream());
  for (let i = 0; i < AT_ONCE; i += 1) void echoNext(sockets);
  const service = stack.use(await startGrpcEcho());
  return {
    sections: `upstreams:
  main: { endpoints: ["${main.url}"] }
  sockets: { endpoints: ["${sockets.url}"] }
  service: { protocol: grpc, endpoints: ["http://127.0.0.1:${service.port}"] }
routes:
  - { name: calls, match: { grpc: { service: t.Echo } }, authenticate: [anonymous], upstream: service, streaming: grpc }
  - { name: sockets, match: { path: /ws }, authenticate: [anonymous], upstream: sockets }
  - { name: all, match: { path: /** }, authenticate: [anonymous], upstream: main }
`,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

async function echoNext(upstream: WebSocketUpstream): Promise<void> {
  const peer = await upstream.opened();
  void echoNext(upstream);
  await echo(peer);
}

async function echo(peer: WebSocketPeer): Promise<void> {
  for (let frame = await peer.next(); frame !== undefined; frame = await peer.next()) {
    await peer.send(frame.opcode, frame.payload);
    if (frame.opcode === OPCODES.close) break;
  }
  peer.socket.end();
}
