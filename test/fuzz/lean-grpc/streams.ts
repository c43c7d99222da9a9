import { FLAG, FRAME, goawayFrame, numberFrame, SETTING, settingsFrame, smallFrame } from "@sallyport/lean-grpc/frame.ts";
import { HpackEncoder } from "@sallyport/lean-grpc/hpack-encoder.ts";
import type { Field } from "@sallyport/lean-grpc/hpack-table.ts";
import { framed } from "@sallyport/lean-grpc/message-reader.ts";
import type { Random } from "../random.ts";

/** The head of a call of `/t.T/Echo`. */
export const FIELDS: readonly Field[] = [
  [":method", "POST"],
  [":scheme", "http"],
  [":path", "/t.T/Echo"],
  ["te", "trailers"],
  ["content-type", "application/grpc"],
];

/** What a client says: calls of a method, whole and in pieces, among frames of other kinds. */
export function requests(random: Random, message: () => Buffer, fields: readonly Field[] = FIELDS): Buffer {
  const encoder = new HpackEncoder();
  const frames: Buffer[] = [settingsFrame(random.once(3) ? [[SETTING.INITIAL_WINDOW_SIZE, random.below(100_000)]] : [])];
  for (let id = 1; id < 24; id += 2) {
    const block = encoder.encode(fields, random.once(2) ? [["grpc-timeout", "5S"]] : []);
    const cut = random.below(block.length);
    const body = framed(message());
    frames.push(
      random.once(4)
        ? Buffer.concat([
            smallFrame(FRAME.HEADERS, 0, id, block.subarray(0, cut)),
            smallFrame(FRAME.CONTINUATION, FLAG.END_HEADERS, id, block.subarray(cut)),
          ])
        : smallFrame(FRAME.HEADERS, FLAG.END_HEADERS, id, block),
      random.pick<Buffer>([
        data(id, body, FLAG.END_STREAM),
        Buffer.concat([data(id, body), data(id, Buffer.alloc(0), FLAG.END_STREAM)]),
        data(id, body.subarray(0, random.below(body.length))),
      ]),
    );
    if (random.once(2)) frames.push(control(id, random));
  }
  return Buffer.concat(frames);
}

/** A DATA frame. */
export const data = (id: number, bytes: Buffer, flags = 0): Buffer => smallFrame(FRAME.DATA, flags, id, bytes);

/** Some frame that is no call's. */
export function control(id: number, random: Random): Buffer {
  return random.pick<Buffer>([
    numberFrame(FRAME.RST_STREAM, id, random.below(14)),
    numberFrame(FRAME.WINDOW_UPDATE, random.once(2) ? 0 : id, 1 + random.below(100_000)),
    smallFrame(FRAME.PING, random.below(2), 0, Buffer.alloc(8)),
    settingsFrame([[SETTING.INITIAL_WINDOW_SIZE, random.below(100_000)]]),
    settingsFrame([[SETTING.HEADER_TABLE_SIZE, random.below(5000)]]),
    goawayFrame(random.below(12), random.below(14)),
    smallFrame(FRAME.PRIORITY, 0, id, Buffer.alloc(5)),
    smallFrame(0x20 + random.below(9), random.below(256), id, Buffer.alloc(random.below(20))),
  ]);
}

/** A few bytes changed, left out, said twice or put in. */
export function mutated(bytes: Buffer, random: Random): Buffer {
  let result = Buffer.from(bytes);
  for (let count = random.below(5); count > 0; count -= 1) {
    const at = random.below(result.length);
    const until = Math.min(result.length, at + 1 + random.below(30));
    switch (random.below(5)) {
      case 0:
        result[at] = random.below(256);
        break;
      case 1:
        result[at] = (result[at] ?? 0) ^ (1 << random.below(8));
        break;
      case 2:
        result = Buffer.concat([result.subarray(0, at), result.subarray(until)]);
        break;
      case 3:
        result = Buffer.concat([result.subarray(0, until), result.subarray(at)]);
        break;
      default:
        result = result.subarray(0, Math.max(at, 1));
    }
  }
  return result;
}
