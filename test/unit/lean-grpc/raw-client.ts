import { FLAG, FRAME, PREFACE, settingsFrame, smallFrame } from "@sallyport/lean-grpc/frame.ts";
import { HpackDecoder } from "@sallyport/lean-grpc/hpack-decoder.ts";
import type { Field } from "@sallyport/lean-grpc/hpack-table.ts";
import { framed } from "@sallyport/lean-grpc/message-reader.ts";
import type { MethodHandler } from "@sallyport/lean-grpc/server.ts";
import { rawExchange, type RawOutcome, type ReadFrame } from "./support.ts";

/** Codes of GOAWAY. */
export const PROTOCOL_ERROR = 1;
/** The same. */
export const ENHANCE_YOUR_CALM = 0xb;

/** Of an honest request. */
export const FIELDS: readonly Field[] = [
  [":method", "POST"],
  [":scheme", "http"],
  [":path", "/t.T/Echo"],
  [":authority", "x"],
  ["te", "trailers"],
  ["content-type", "application/grpc"],
];

/** Fields without a table, so that blocks mean the same anywhere. */
function block(fields: readonly Field[]): Buffer {
  return Buffer.concat(
    fields.map(([name, value]) => {
      if (Math.max(name.length, value.length) > 126) throw new RangeError("lengths of one byte only");
      return Buffer.concat([Buffer.of(0, name.length), Buffer.from(name), Buffer.of(value.length), Buffer.from(value, "latin1")]);
    }),
  );
}

/** What a client says first. */
export const greeting = Buffer.concat([PREFACE, settingsFrame([])]);
/** Headers of a request, all its header block in one frame unless the flags say otherwise. */
export const headers = (id: number, fields = FIELDS, flags: number = FLAG.END_HEADERS): Buffer =>
  smallFrame(FRAME.HEADERS, flags, id, block(fields));
/** A DATA frame; the last one unless the flags say otherwise. */
export const data = (id: number, bytes: Buffer, flags: number = FLAG.END_STREAM): Buffer =>
  smallFrame(FRAME.DATA, flags, id, bytes);
/** A message with its prefix. */
export const hello = framed(Buffer.from("hello"));
/** A whole request. */
export const call = (id: number): Buffer => Buffer.concat([headers(id), data(id, hello)]);
/** The fields of an honest request with another value in one of them. */
export const replaced = (name: string, value: string): readonly Field[] =>
  FIELDS.map((field) => (field[0] === name ? [name, value] : field));
/** The fields of an honest request but one. */
export const without = (name: string): readonly Field[] => FIELDS.filter((field) => field[0] !== name);
/** A PING that wants an answer. */
export const ping = smallFrame(FRAME.PING, 0, 0, Buffer.alloc(8));
/** Many frames in a row. */
export const repeated = (count: number, frame: (index: number) => Buffer): Buffer =>
  Buffer.concat(Array.from({ length: count }, (_, index) => frame(index)));

/** A service that says what it hears. */
export const echo: Record<string, MethodHandler> = { "/t.T/Echo": (stream, message) => stream.answer(message) };

const hasPong = (frames: readonly ReadFrame[]): boolean =>
  frames.some(({ type, flags }) => type === FRAME.PING && flags === FLAG.ACK);

/** Sends, and then asks for a sign of life: what comes before it is all there is. */
export const said = (port: number, ...bytes: readonly Buffer[]): Promise<RawOutcome> =>
  rawExchange(port, Buffer.concat([greeting, ...bytes, ping]), hasPong);

/** The `grpc-status` a stream ended with. */
export const statusOf = (frames: readonly ReadFrame[], id: number): string | undefined => {
  const decoder = new HpackDecoder({ tableBytes: 0, maxListBytes: 16_384 });
  return frames
    .filter(({ type, streamId }) => type === FRAME.HEADERS && streamId === id)
    .flatMap(({ payload }) => decoder.decode(payload))
    .find(([name]) => name === "grpc-status")?.[1];
};

/** The `:status` a stream began with. */
export const httpStatusOf = (frames: readonly ReadFrame[], id: number): string | undefined =>
  new HpackDecoder({ tableBytes: 0, maxListBytes: 16_384 }).decode(
    frames.find(({ type, streamId }) => type === FRAME.HEADERS && streamId === id)?.payload ?? Buffer.alloc(0),
  )[0]?.[1];

/** The code a stream was reset with. */
export const resetCodeOf = (frames: readonly ReadFrame[], id: number): number | undefined =>
  frames.find(({ type, streamId }) => type === FRAME.RST_STREAM && streamId === id)?.payload.readUInt32BE(0);
