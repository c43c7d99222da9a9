import { connect, type ClientHttp2Session, type ClientHttp2Stream, type OutgoingHttpHeaders } from "node:http2";
import { startInbound, type InboundChoice, type InboundUnderTest } from "./inbound.ts";

/** A listener that speaks HTTP/2 in clear text. */
export const startHttp2 = (answer: Parameters<typeof startInbound>[0], choice: InboundChoice = {}): Promise<InboundUnderTest> =>
  startInbound(answer, { protocols: ["h2c"], ...choice });

/** A session of Node's own client; closed at the end. */
export function sessionTo(port: number): ClientHttp2Session & Disposable {
  const session = connect(`http://127.0.0.1:${port}`);
  session.on("error", () => {});
  return Object.assign(session, { [Symbol.dispose]: () => session.destroy() });
}

/** An answer of HTTP/2, read to its end. */
export interface Whole {
  readonly head: Readonly<Record<string, unknown>>;
  readonly text: string;
}

/** Reads an answer to its end; rejects where its stream is reset. */
export async function whole(stream: ClientHttp2Stream): Promise<Whole> {
  const head = Promise.withResolvers<Readonly<Record<string, unknown>>>();
  stream.once("response", (headers) => head.resolve({ ...headers }));
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer); // no encoding was set
  return { head: await head.promise, text: Buffer.concat(chunks).toString("utf8") };
}

/** Asks for `/`, or what the headers name, and reads the answer. */
export const get = (session: ClientHttp2Session, headers: OutgoingHttpHeaders = {}): Promise<Whole> =>
  whole(session.request({ ":path": "/", ...headers }));
