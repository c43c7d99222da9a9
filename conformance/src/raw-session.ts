import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from "node:http2";
import { connect as connectSocket } from "node:net";
import { connect as connectTls } from "node:tls";
import { tlsSocketOptions } from "./secure-connection.ts";
import type { SuiteOptions } from "./suite-options.ts";

/** How a stream ended that was written by hand. */
export type RawAnswer =
  /** With trailers: the gRPC status. */
  | { readonly kind: "status"; readonly code: number }
  /** Without: reset, or the connection went away. */
  | { readonly kind: "reset" }
  /** Not within the time asked for. */
  | { readonly kind: "quiet" };

/** Headers that differ from what gRPC sends; undefined leaves one out. */
export type HeaderChanges = Readonly<Record<string, string | undefined>>;

/** An HTTP/2 connection below gRPC, to send what a gRPC library would not. */
export class RawSession implements Disposable {
  readonly #session: ClientHttp2Session;
  readonly #token: string | undefined;
  #isClosed = false;

  private constructor(session: ClientHttp2Session, token: string | undefined) {
    this.#session = session;
    this.#token = token;
    session.on("error", () => {}).on("close", () => (this.#isClosed = true));
  }

  /** Connects; rejects when the service cannot be reached or does not speak HTTP/2 in time. */
  static async open(options: SuiteOptions, token: string | undefined): Promise<RawSession> {
    const tls = tlsSocketOptions(options);
    const { host, port } = options.address;
    const authority = `${tls === undefined ? "http" : "https"}://${options.serverName.includes(":") ? `[${options.serverName}]` : options.serverName}:${port}`;
    const session = connect(authority, {
      createConnection: () => (tls === undefined ? connectSocket(port, host) : connectTls(tls)),
    });
    const opened = new RawSession(session, token);
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error("no HTTP/2 settings within 5 s")), 5_000);
      session.once("error", reject).once("remoteSettings", () => {
        clearTimeout(timer);
        resolve();
      });
    });
    return opened;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Opens a stream for a method; headers are gRPC's, with changes. */
  request(method: string, changes: HeaderChanges = {}): ClientHttp2Stream {
    const headers = {
      ":method": "POST",
      ":path": method,
      "content-type": "application/grpc",
      te: "trailers",
      "grpc-timeout": "5S",
      ...(this.#token !== undefined && { authorization: `Bearer ${this.#token}` }),
      ...changes,
    };
    const sent = Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined));
    return this.#session.request(sent).on("error", () => {});
  }

  /** Sends these bytes as the whole body of a call, and waits for how it ends. */
  exchange(method: string, body: Uint8Array, withinMs: number, changes: HeaderChanges = {}): Promise<RawAnswer> {
    const stream = this.request(method, changes);
    const answer = ending(stream, withinMs);
    stream.end(Buffer.from(body));
    return answer;
  }

  /** Sends a PING; whether it was answered in time. */
  ping(withinMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), withinMs);
      const isSent = this.#session.ping((error) => {
        clearTimeout(timer);
        resolve(error === null);
      });
      if (!isSent) resolve(false);
    });
  }

  /** Says GOAWAY and lets open streams end. */
  goAway(): Promise<void> {
    // in the same turn it would overtake the streams that were just opened
    return new Promise((resolve) => setImmediate(() => this.#session.close(resolve)));
  }

  /** Cuts the connection, without a word. */
  cut(): void {
    this.#session.socket?.destroy();
    this.#session.destroy();
  }

  [Symbol.dispose](): void {
    this.cut();
  }
}

/** A gRPC frame: not compressed, length, message. */
export function framed(message: Uint8Array): Buffer {
  const frame = Buffer.alloc(5 + message.byteLength);
  frame.writeUInt32BE(message.byteLength, 1);
  frame.set(message, 5);
  return frame;
}

/** Gives a stream up with RST_STREAM(CANCEL). */
export const reset = (stream: ClientHttp2Stream): void => stream.close(constants.NGHTTP2_CANCEL);

function ending(stream: ClientHttp2Stream, withinMs: number): Promise<RawAnswer> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      resolve({ kind: "quiet" });
      reset(stream);
    }, withinMs);
    let code: number | undefined;
    const look = (headers: Readonly<Record<string, unknown>>): void => {
      // a failed call may have its status in the only headers there are
      if (headers["grpc-status"] !== undefined) code = Number(headers["grpc-status"]);
      else if (headers[":status"] !== undefined && headers[":status"] !== 200) code = 2;
    };
    stream.on("response", look).on("trailers", look);
    stream.resume();
    stream.once("close", () => {
      clearTimeout(timer);
      resolve(code === undefined ? { kind: "reset" } : { kind: "status", code });
    });
  });
}
