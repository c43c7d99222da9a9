import { once } from "node:events";
import { request, type IncomingMessage } from "node:http";
import { connect, type ClientHttp2Session, type ClientHttp2Stream } from "node:http2";
import type { Readable } from "node:stream";

/** An answer whose body is the caller's to read. */
export interface Asked {
  readonly body: Readable;
  /** Goes, whatever is left. */
  leave(): void;
}

/** How a client speaks: each request on a connection of its own. */
export interface Asker {
  get(url: string): Promise<Asked>;
  /** Sends the piece so many times, as fast as it is taken; rejects where the answer is not 200. */
  post(url: string, piece: Buffer, times: number): Promise<void>;
}

/** HTTP/1.1, bodies in chunks. */
export const http1Asker: Asker = {
  async get(url) {
    const asking = request(url, { agent: false });
    asking.end();
    // its only argument
    const [body] = (await once(asking, "response")) as [IncomingMessage];
    return { body, leave: () => void asking.destroy() };
  },
  async post(url, piece, times) {
    const asking = request(url, { method: "POST", agent: false });
    const answered = once(asking, "response");
    for (let i = 0; i < times; i += 1) if (!asking.write(piece)) await once(asking, "drain");
    asking.end();
    // its only argument
    const [response] = (await answered) as [IncomingMessage];
    if (response.statusCode !== 200) throw new Error(`answered ${response.statusCode}`);
    response.resume();
    await once(response, "end");
  },
};

/** HTTP/2 in clear text, with the windows Node's client has. */
export const http2Asker: Asker = {
  async get(url) {
    const { session, stream } = begin(url, "GET");
    stream.end();
    await once(stream, "response");
    return { body: stream, leave: () => session.destroy() };
  },
  async post(url, piece, times) {
    const { session, stream } = begin(url, "POST");
    const answered = once(stream, "response");
    for (let i = 0; i < times; i += 1) if (!stream.write(piece)) await once(stream, "drain");
    stream.end();
    const [head] = (await answered) as [{ readonly ":status"?: number }]; // its first argument
    if (head[":status"] !== 200) throw new Error(`answered ${head[":status"]}`);
    stream.resume();
    await once(stream, "end");
    session.destroy();
  },
};

function begin(url: string, method: string): { readonly session: ClientHttp2Session; readonly stream: ClientHttp2Stream } {
  const { origin, pathname, search } = new URL(url);
  const session = connect(origin);
  session.on("error", () => {});
  return { session, stream: session.request({ ":method": method, ":path": pathname + search }, { endStream: false }) };
}
