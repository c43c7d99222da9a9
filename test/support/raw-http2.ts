import { createServer, type AddressInfo, type Socket } from "node:net";
import { FLAG, FRAME, PREFACE, settingsFrame, smallFrame, type FrameHead } from "@sallyport/lean-grpc/frame.ts";
import { FrameReader } from "@sallyport/lean-grpc/frame-reader.ts";
import { HpackDecoder } from "@sallyport/lean-grpc/hpack-decoder.ts";
import type { Field } from "@sallyport/lean-grpc/hpack-table.ts";

/** A frame as it came. */
export interface RawFrame extends FrameHead {
  readonly payload: Buffer;
}

/** A request's head as it came. */
export interface RawRequest {
  readonly connection: RawHttp2Connection;
  readonly streamId: number;
  readonly fields: readonly Field[];
  readonly endsStream: boolean;
}

/** One connection of a client to the raw server. */
export interface RawHttp2Connection {
  readonly socket: Socket;
  readonly frames: readonly RawFrame[];
  /** Of these types only; DATA of a stream as text. */
  of(type: number, streamId?: number): readonly RawFrame[];
  text(streamId: number): string;
  send(...frames: readonly Buffer[]): void;
}

/** An HTTP/2 server over clear text that sends frames of the test\'s choosing. */
export interface RawHttp2 extends AsyncDisposable {
  readonly url: string;
  readonly connections: readonly RawHttp2Connection[];
  readonly requests: readonly RawRequest[];
}

/** How one behaves. */
export interface RawHttp2Script {
  /** What it sends first. Default: empty SETTINGS. */
  readonly greeting?: Buffer;
  readonly onRequest?: (request: RawRequest) => void;
  readonly onFrame?: (frame: RawFrame, connection: RawHttp2Connection) => void;
}

/** Starts one. */
export async function startRawHttp2(script: RawHttp2Script): Promise<RawHttp2> {
  const connections: RawHttp2Connection[] = [];
  const requests: RawRequest[] = [];
  const server = createServer((socket) => void connections.push(serve(socket, script, requests)));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  // a listening TCP server's address is no pipe name
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    connections,
    requests,
    async [Symbol.asyncDispose]() {
      for (const { socket } of connections) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function serve(socket: Socket, script: RawHttp2Script, requests: RawRequest[]): RawHttp2Connection {
  const frames: RawFrame[] = [];
  const decoder = new HpackDecoder({ tableBytes: 4096, maxListBytes: 1_000_000 });
  const connection: RawHttp2Connection = {
    socket,
    frames,
    of: (type, streamId) =>
      frames.filter((frame) => frame.type === type && (streamId === undefined || frame.streamId === streamId)),
    text: (streamId) => Buffer.concat(connection.of(FRAME.DATA, streamId).map(({ payload }) => payload)).toString("latin1"),
    send: (...out) => void socket.write(Buffer.concat(out)),
  };
  let block: Buffer[] = [];
  const reader = new FrameReader((head, bytes) => {
    const frame = { ...head, payload: Buffer.from(bytes) };
    frames.push(frame);
    script.onFrame?.(frame, connection);
    if (head.type !== FRAME.HEADERS && head.type !== FRAME.CONTINUATION) return;
    block.push(frame.payload);
    if ((head.flags & FLAG.END_HEADERS) === 0) return;
    const fields = decoder.decode(Buffer.concat(block));
    block = [];
    const first = frames.find(({ type, streamId }) => type === FRAME.HEADERS && streamId === head.streamId);
    const request = { connection, streamId: head.streamId, fields, endsStream: ((first?.flags ?? 0) & FLAG.END_STREAM) !== 0 };
    requests.push(request);
    script.onRequest?.(request);
  });
  let preface = PREFACE.length;
  socket.on("error", () => {});
  socket.on("data", (chunk: Buffer) => {
    const skipped = Math.min(preface, chunk.length);
    preface -= skipped;
    reader.push(chunk.subarray(skipped));
  });
  socket.write(script.greeting ?? settingsFrame([]));
  return connection;
}

/** A header block without compression. */
export function block(...fields: readonly Field[]): Buffer {
  const parts: Buffer[] = [];
  for (const [name, value] of fields) parts.push(Buffer.of(0), text(name), text(value));
  return Buffer.concat(parts);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, "latin1");
  if (bytes.length < 127) return Buffer.concat([Buffer.of(bytes.length), bytes]);
  const head = [127];
  let rest = bytes.length - 127;
  for (; rest >= 128; rest = Math.floor(rest / 128)) head.push((rest % 128) | 128);
  return Buffer.concat([Buffer.from([...head, rest]), bytes]);
}

/** HEADERS frames, with CONTINUATION where they are long. */
export function headersFrames(streamId: number, fields: readonly Field[], flags: number = 0): Buffer {
  let rest = block(...fields);
  const frames: Buffer[] = [];
  let type: number = FRAME.HEADERS;
  do {
    const part = rest.subarray(0, 16_384);
    rest = rest.subarray(part.length);
    const own = type === FRAME.HEADERS ? flags : 0;
    frames.push(smallFrame(type, own | (rest.length === 0 ? FLAG.END_HEADERS : 0), streamId, part));
    type = FRAME.CONTINUATION;
  } while (rest.length > 0);
  return Buffer.concat(frames);
}

/** One DATA frame. */
export const dataFrame = (streamId: number, payload: string | Buffer, flags: number = 0): Buffer =>
  smallFrame(FRAME.DATA, flags, streamId, typeof payload === "string" ? Buffer.from(payload, "latin1") : payload);
