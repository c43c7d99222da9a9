import { HpackDecoder } from "@sallyport/lean-grpc/hpack-decoder.ts";
import { FLAG, FRAME, frame, headerBlock, RawHttp2, settings, word } from "./raw-http2-client.ts";

/** Names and values of a header block, in order, whatever they are. */
export type RawFields = readonly (readonly [name: string, value: string])[];

/** A request as frames: no client library has a say in it. */
export interface RawHttp2Request {
  readonly fields: RawFields;
  /** Undefined: the header block ends the stream. */
  readonly body?: string;
  /** A header block behind the body. */
  readonly trailers?: RawFields;
}

/** What became of a request: an answer's status, or a refusal of the stream or of the whole connection, with its error code. */
export type Http2Fate =
  | { readonly kind: "answered"; readonly status: number }
  | { readonly kind: "reset"; readonly code: number }
  | { readonly kind: "goaway"; readonly code: number }
  | { readonly kind: "closed" };

/** Where requests are sent. */
export interface Http2Place {
  readonly port: number;
  readonly tls: boolean;
}

/** Requests on one connection: what a client may get wrong in one is bounded, too. */
const PER_CONNECTION = 40;

/** Connections at once. */
const AT_ONCE = 16;

/** Sends each as frames, one after the other on several connections; the fates are in order. */
export async function http2Fates(place: Http2Place, requests: readonly RawHttp2Request[]): Promise<readonly Http2Fate[]> {
  const fates: Http2Fate[] = [];
  const slices = Array.from({ length: Math.ceil(requests.length / PER_CONNECTION) }, (_, i) => i * PER_CONNECTION);
  const work = async (): Promise<void> => {
    for (let from = slices.shift(); from !== undefined; from = slices.shift())
      for (let at = from, end = Math.min(from + PER_CONNECTION, requests.length); at < end;) {
        const some = await onOneConnection(place, requests.slice(at, end));
        some.forEach((fate, i) => (fates[at + i] = fate));
        at += some.length;
      }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return fates;
}

/** Up to the first that takes the connection with it: at least one. */
async function onOneConnection({ port, tls }: Http2Place, requests: readonly RawHttp2Request[]): Promise<readonly Http2Fate[]> {
  using client = await RawHttp2.connect(port, settings(), tls);
  client.send(frame(FRAME.windowUpdate, { payload: word(2 ** 30) }));
  const fates: Http2Fate[] = [];
  for (const [i, request] of requests.entries()) {
    const stream = 2 * i + 1;
    client.send(...framesOf(stream, request));
    await client.until(() => isOver(client, stream) || client.goaway !== undefined);
    const fate = fateOf(client, stream);
    fates.push(fate);
    if (fate.kind === "goaway" || fate.kind === "closed" || client.goaway !== undefined) break;
  }
  return fates;
}

function framesOf(stream: number, { fields, body, trailers }: RawHttp2Request): readonly Buffer[] {
  const last = body === undefined && trailers === undefined ? FLAG.endStream : 0;
  const frames = [frame(FRAME.headers, { flags: FLAG.endHeaders | last, stream, payload: headerBlock(fields) })];
  if (body !== undefined) {
    const flags = trailers === undefined ? FLAG.endStream : 0;
    frames.push(frame(FRAME.data, { flags, stream, payload: Buffer.from(body, "latin1") }));
  }
  if (trailers !== undefined)
    frames.push(frame(FRAME.headers, { flags: FLAG.endHeaders | FLAG.endStream, stream, payload: headerBlock(trailers) }));
  return frames;
}

const isOver = (client: RawHttp2, stream: number): boolean =>
  client.resetOf(stream) !== undefined ||
  client.of(FRAME.headers, stream).some(endsStream) ||
  client.of(FRAME.data, stream).some(endsStream);

const endsStream = ({ flags }: { readonly flags: number }): boolean => (flags & FLAG.endStream) !== 0;

function fateOf(client: RawHttp2, stream: number): Http2Fate {
  const status = statusOf(client, stream);
  if (status !== undefined) return { kind: "answered", status };
  const code = client.resetOf(stream);
  if (code !== undefined) return { kind: "reset", code };
  return client.goaway === undefined ? { kind: "closed" } : { kind: "goaway", code: client.goaway };
}

/** Blocks depend on those before them, so all are read again; a connection has few. */
function statusOf(client: RawHttp2, stream: number): number | undefined {
  const decoder = new HpackDecoder({ tableBytes: 4096, maxListBytes: 100_000 });
  for (const { stream: each, payload } of client.of(FRAME.headers)) {
    const status = decoder.decode(payload).find(([name]) => name === ":status")?.[1];
    if (each === stream && status !== undefined && !status.startsWith("1")) return Number(status);
  }
  return undefined;
}
