import { chmod } from "node:fs/promises";
import {
  constants,
  createSecureServer,
  createServer,
  type Http2Server,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import { Manifest, ReviewRequest } from "@sallyport/contract/gen/sallyport/interceptor/v1/interceptor.ts";
import { encodeVerdict, type VerdictDraft } from "@sallyport/contract/verdict.ts";
import { METHODS } from "@sallyport/contract/wire.ts";

/** A call as it arrived. */
export interface ReceivedCall {
  readonly method: string;
  /** Lower-case names; metadata, deadline (`grpc-timeout`) and authority are here. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** The message without its frame. */
  readonly message: Buffer;
  /** Resolves when the stream is closed, with its reset code (8: cancelled by the caller). */
  readonly closed: Promise<number>;
}

/** What a scripted service does with one call. */
export type Reply =
  /** A complete answer: status OK and these message bytes. */
  | { readonly kind: "message"; readonly bytes: Uint8Array }
  /** Several messages before status OK; none: OK without a message. */
  | { readonly kind: "messages"; readonly list: readonly Uint8Array[] }
  /** A gRPC status without a message. */
  | { readonly kind: "status"; readonly code: number; readonly details?: string }
  /** An HTTP status without gRPC trailers. */
  | { readonly kind: "http"; readonly status: number }
  /** Nothing, ever. */
  | { readonly kind: "hang" }
  /** RST_STREAM with this HTTP/2 error code; after the message, when there is one. */
  | { readonly kind: "reset"; readonly code: number; readonly after?: Uint8Array }
  /** Status OK, but the stream ends without trailers. */
  | { readonly kind: "half"; readonly bytes: Uint8Array }
  /** The answer one byte after the other. */
  | { readonly kind: "drip"; readonly bytes: Uint8Array; readonly everyMs: number }
  /** Bytes as they are, no frame around them, then status OK. */
  | { readonly kind: "raw"; readonly bytes: Uint8Array; readonly headers?: Readonly<Record<string, string>> }
  /** A GOAWAY that says this stream was not seen, the one before it was; so it takes a call before. */
  | { readonly kind: "goaway" }
  /** The connection is cut. */
  | { readonly kind: "cut" }
  /** Another reply, later. */
  | { readonly kind: "later"; readonly afterMs: number; readonly reply: Reply };

/** Decides, call by call. */
export type Script = (call: ReceivedCall) => Reply | Promise<Reply>;

/** PEM texts of a service that wants a client certificate signed by `ca`. */
export interface TestInterceptorTls {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  /** `none`: whoever comes is served. Default `required`. */
  readonly clientCert?: "required" | "none";
}

/** A service that does exactly what it is told, well or badly, over real HTTP/2. */
export interface TestInterceptor extends AsyncDisposable {
  /** 0 on a unix socket. */
  readonly port: number;
  /** Every call, in order of arrival; questions after its health are none, nor is `Watch`. */
  readonly calls: readonly ReceivedCall[];
  /** Whether it offers `Watch`; it does not unless told to. Streams that are open stay. */
  watch: "offered" | "unknown";
  /** Streams of `Watch` that are open. */
  readonly watching: number;
  /** Says this to everybody who watches; bytes as they are. */
  emit(event: Uint8Array): void;
  /** Ends every stream of `Watch` in order. */
  endWatches(): void;
  /** What it says of its health to those who watch it, now and from now on; undefined: it does not know the method. */
  health: "serving" | "not-serving" | undefined;
  /** Connections accepted so far; under TLS, those whose handshake was completed. */
  readonly connections: number;
  /** Replaces the script for calls from now on. */
  script: Script;
  /** Cuts every connection and stops listening, as a killed process does. */
  kill(): Promise<void>;
}

/** Starts one on a free port of 127.0.0.1, on a given port (to come back after `kill`), or on a unix socket only its owner may use. */
export async function testInterceptor(
  script: Script,
  options: {
    readonly tls?: TestInterceptorTls;
    readonly port?: number;
    readonly path?: string;
    /** Who answers `Watch` and the watch of health: the service itself, which is not asked for them elsewhere, or the script. Default `own`. */
    readonly streams?: "own" | "scripted";
  } = {},
): Promise<TestInterceptor> {
  const server = serverFor(options.tls);
  const sessions = new Set<ServerHttp2Session>();
  const sockets = new Set<Socket>();
  const state: State = {
    calls: [],
    connections: 0,
    script,
    health: undefined,
    watchers: new Set(),
    watch: "unknown",
    listening: new Set(),
    streams: options.streams ?? "own",
  };
  server.on(options.tls === undefined ? "connection" : "secureConnection", () => (state.connections += 1));
  // sockets are known before TLS, so that a kill cuts handshakes as well
  server.on("connection", (socket: Socket) =>
    sockets.add(socket.on("error", () => {}).on("close", () => sockets.delete(socket))),
  );
  server.on("session", (session) => sessions.add(session.on("error", () => {}).on("close", () => sessions.delete(session))));
  server.on("sessionError", () => {});
  server.on("tlsClientError", () => {});
  server.on("stream", (stream: ServerHttp2Stream, headers) => {
    stream.on("error", () => {});
    void serve(stream, headers, state);
  });
  const at = options.path === undefined ? { port: options.port ?? 0, host: "127.0.0.1" } : { path: options.path };
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(at, resolve));
  if (options.path !== undefined) await chmod(options.path, 0o600);
  // a TCP server's address is an object
  const port = options.path === undefined ? (server.address() as AddressInfo).port : 0;
  const kill = async (): Promise<void> => {
    for (const session of sessions) session.destroy();
    for (const socket of sockets) socket.destroy();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  };
  return {
    port,
    kill,
    [Symbol.asyncDispose]: kill,
    get calls() {
      return state.calls;
    },
    get connections() {
      return state.connections;
    },
    get script() {
      return state.script;
    },
    set script(next: Script) {
      state.script = next;
    },
    get watch() {
      return state.watch;
    },
    set watch(next: TestInterceptor["watch"]) {
      state.watch = next;
    },
    get watching() {
      return state.listening.size;
    },
    emit(event) {
      for (const stream of state.listening) stream.write(framed(event));
    },
    endWatches() {
      for (const stream of state.listening) stream.end();
    },
    get health() {
      return state.health;
    },
    set health(next: TestInterceptor["health"]) {
      state.health = next;
      for (const watcher of state.watchers) tellHealth(watcher, next);
    },
  };
}

interface State {
  readonly calls: ReceivedCall[];
  connections: number;
  script: Script;
  health: TestInterceptor["health"];
  readonly watchers: Set<ServerHttp2Stream>;
  watch: TestInterceptor["watch"];
  readonly listening: Set<ServerHttp2Stream>;
  readonly streams: "own" | "scripted";
}

function listen(stream: ServerHttp2Stream, { watch, listening }: State): void {
  if (stream.destroyed) return;
  if (watch === "unknown") return perform(stream, { kind: "status", code: 12 });
  stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
  stream.respond(OK, { waitForTrailers: true });
  listening.add(stream.on("close", () => listening.delete(stream)));
}

/** A HealthCheckResponse. */
const tellHealth = (stream: ServerHttp2Stream, health: TestInterceptor["health"]): boolean =>
  stream.write(framed(Uint8Array.of(8, health === "serving" ? 1 : 2)));

function watchHealth(stream: ServerHttp2Stream, { health, watchers }: State): void {
  if (stream.destroyed) return;
  if (health === undefined) return perform(stream, { kind: "status", code: 12 });
  stream.respond(OK);
  tellHealth(stream, health);
  watchers.add(stream.on("close", () => watchers.delete(stream)));
}

/** Answers Describe with this manifest, and Review by a function of the decoded request. */
export function describing(
  manifest: Partial<Manifest>,
  review: (request: ReviewRequest, call: ReceivedCall) => Reply | Promise<Reply>,
): Script {
  return (call) => {
    if (call.method === METHODS.describe)
      return { kind: "message", bytes: Manifest.encode(Manifest.fromPartial(manifest)).finish() };
    if (call.method === METHODS.review) return review(ReviewRequest.decode(call.message), call);
    return { kind: "status", code: 12 };
  };
}

/** A well-formed answer to a review. */
export const verdict = (draft: VerdictDraft, reviewId: string): Reply => ({
  kind: "message",
  bytes: encodeVerdict(draft, reviewId),
});

/** Allows, whatever it is. */
export const allowing = (reviewId: string): Reply =>
  verdict({ kind: "allow", patches: [], annotations: [], warnings: [] }, reviewId);

function serverFor(tls: TestInterceptorTls | undefined): Http2Server {
  if (tls === undefined) return createServer();
  const isRequired = (tls.clientCert ?? "required") === "required";
  return createSecureServer({
    ca: tls.ca,
    cert: tls.cert,
    key: tls.key,
    requestCert: isRequired,
    rejectUnauthorized: isRequired,
  });
}

async function serve(stream: ServerHttp2Stream, headers: object, state: State): Promise<void> {
  const closed = new Promise<number>((resolve) => stream.once("close", () => resolve(stream.rstCode)));
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk);
  } catch {
    // given up while it was being sent: there is nothing to answer
    return;
  }
  const flat = Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, value === undefined ? undefined : String(value)]),
  );
  const { streams } = state;
  if (streams === "own" && flat[":path"] === "/grpc.health.v1.Health/Watch") return watchHealth(stream, state);
  if (streams === "own" && flat[":path"] === METHODS.watch) return listen(stream, state);
  const call: ReceivedCall = { method: flat[":path"] ?? "", headers: flat, message: Buffer.concat(chunks).subarray(5), closed };
  state.calls.push(call);
  perform(stream, await state.script(call));
}

function perform(stream: ServerHttp2Stream, reply: Reply): void {
  if (stream.destroyed) return;
  switch (reply.kind) {
    case "message":
      return answer(stream, [framed(reply.bytes)]);
    case "messages":
      return answer(stream, reply.list.map(framed));
    case "raw":
      return answer(stream, [reply.bytes], reply.headers);
    case "drip":
      return drip(stream, framed(reply.bytes), reply.everyMs);
    case "status":
      return stream.respond(
        { ...OK, "grpc-status": String(reply.code), "grpc-message": encodeURIComponent(reply.details ?? "") },
        { endStream: true },
      );
    case "http":
      return stream.respond({ ":status": reply.status }, { endStream: true });
    case "hang":
      return;
    case "reset":
      if (reply.after === undefined) return stream.close(reply.code);
      stream.respond(OK);
      stream.write(framed(reply.after), () => stream.close(reply.code));
      return;
    case "half":
      stream.respond(OK);
      stream.end(framed(reply.bytes));
      return;
    case "goaway":
      // Node takes 0 for "the last one"
      stream.session?.goaway(constants.NGHTTP2_NO_ERROR, (stream.id ?? 0) - 2);
      return;
    case "cut":
      stream.session?.destroy();
      return;
    case "later":
      setTimeout(() => perform(stream, reply.reply), reply.afterMs);
      return;
    default:
      reply satisfies never;
  }
}

const OK = { ":status": 200, "content-type": "application/grpc+proto" } as const;

function answer(stream: ServerHttp2Stream, parts: readonly Uint8Array[], headers: Readonly<Record<string, string>> = {}): void {
  stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
  stream.respond({ ...OK, ...headers }, { waitForTrailers: true });
  for (const part of parts) stream.write(part);
  stream.end();
}

function drip(stream: ServerHttp2Stream, bytes: Uint8Array, everyMs: number): void {
  stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
  stream.respond(OK, { waitForTrailers: true });
  let at = 0;
  const timer = setInterval(() => {
    if (stream.destroyed || at >= bytes.length) {
      clearInterval(timer);
      if (!stream.destroyed) stream.end();
      return;
    }
    stream.write(bytes.subarray(at, at + 1));
    at += 1;
  }, everyMs);
}

/** A gRPC frame: not compressed, length, message. */
export function framed(message: Uint8Array): Buffer {
  const frame = Buffer.alloc(5 + message.byteLength);
  frame.writeUInt32BE(message.byteLength, 1);
  frame.set(message, 5);
  return frame;
}
