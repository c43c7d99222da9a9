import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http2";
import { WebSocketPeer } from "./websocket-peer.ts";

/** What a handshake on a stream came to (RFC 8441): a 200 is an open one. */
export interface OpenedStream extends Disposable {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly peer: WebSocketPeer<ClientHttp2Stream>;
  /** What follows a head that opened nothing. */
  text(): Promise<string>;
}

/** The fields of a handshake on a stream; undefined leaves one out. */
export const connectFields = (path: string, fields: OutgoingHttpHeaders = {}): OutgoingHttpHeaders =>
  Object.fromEntries(
    Object.entries({
      ":method": "CONNECT",
      ":protocol": "websocket",
      ":scheme": "http",
      ":path": path,
      ":authority": "gateway.test",
      "sec-websocket-version": "13",
      ...fields,
    }).filter(([, value]) => value !== undefined),
  );

/** Resolves when the server has said that it takes CONNECT with a protocol; rejects when it says that it does not. */
export async function takesProtocols(session: ClientHttp2Session): Promise<void> {
  const settings = session.remoteSettings.enableConnectProtocol ?? (await nextSettings(session));
  if (settings !== true) throw new Error("the server takes no CONNECT with a protocol");
}

const nextSettings = (session: ClientHttp2Session): Promise<boolean | undefined> =>
  new Promise((resolve) => session.once("remoteSettings", ({ enableConnectProtocol }) => resolve(enableConnectProtocol)));

/** Sends one, and resolves with the head it was answered with. */
export async function openOnStream(
  session: ClientHttp2Session,
  path: string,
  fields: OutgoingHttpHeaders = {},
  choice: { readonly endStream?: boolean } = {},
): Promise<OpenedStream> {
  await takesProtocols(session);
  const stream = session.request(connectFields(path, fields), { endStream: false, ...choice });
  stream.on("error", () => {});
  const headers = await new Promise<IncomingHttpHeaders & { readonly ":status"?: number }>((resolve, reject) => {
    stream.once("response", resolve);
    stream.once("close", () => reject(new Error(`the stream was closed: ${stream.rstCode}`)));
  });
  const received: Buffer[] = [];
  const ended = new Promise((resolve) => stream.once("end", resolve));
  stream.on("data", (bytes: Buffer) => headers[":status"] === 200 || received.push(bytes));
  return {
    status: headers[":status"] ?? 0,
    headers,
    peer: new WebSocketPeer(stream, { head: "", first: Buffer.alloc(0), masks: true }),
    text: async () => {
      await ended;
      return Buffer.concat(received).toString();
    },
    [Symbol.dispose]: () => stream.close(8),
  };
}
