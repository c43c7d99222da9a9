import { isStream, type Body } from "../../../../model/byte-stream.ts";
import { HeaderLines } from "../../../../model/header-lines.ts";
import { err, ok, type Result } from "../../../../model/result.ts";
import type { UpstreamFailure } from "../../../../ports/upstream.ts";
import { ChunkPile } from "../../../../support/chunk-pile.ts";
import { NO_ROOM, type CutterTerms } from "../transcode/message-frames.ts";
import { bodyFailure } from "../transcode/whole-call.ts";

/** Bytes in front of a message: flags, and its length. */
const PREFIX_BYTES = 5;

/** The body of a call with at most one message. */
export interface OneMessage {
  /** Undefined: none came. */
  readonly message: Uint8Array | undefined;
  readonly isCoded: boolean;
  readonly trailers: HeaderLines;
}

/** Reads a gRPC body to its end, a message of `maxBytes` at most, in the room there is. More than one message, or a part of one, is no answer. */
export function oneMessage(body: Body, { maxBytes, room }: CutterTerms): Promise<Result<OneMessage, UpstreamFailure>> {
  if (!isStream(body)) return Promise.resolve(ok({ message: undefined, isCoded: false, trailers: HeaderLines.EMPTY }));
  return new Promise((resolve) => {
    const pile = new ChunkPile();
    let isOver = false;
    const flow = body.pipe({
      write(chunk) {
        if (isOver) return false;
        pile.push(chunk);
        const isTooLarge = pile.byteLength > maxBytes + PREFIX_BYTES;
        if (!isTooLarge && room?.reach(pile.byteLength) !== false) return true;
        isOver = true;
        resolve(err(isTooLarge ? TOO_LARGE : NO_ROOM));
        // the flow may not be here yet
        queueMicrotask(() => flow.cancel());
        return false;
      },
      end: (trailers = HeaderLines.EMPTY) => resolve(messageIn(pile.whole(), trailers)),
      fail: (cause) => resolve(err(bodyFailure(cause))),
    });
  });
}

function messageIn(bytes: Uint8Array, trailers: HeaderLines): Result<OneMessage, UpstreamFailure> {
  if (bytes.byteLength === 0) return ok({ message: undefined, isCoded: false, trailers });
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [flags = 0] = bytes;
  if (bytes.byteLength < PREFIX_BYTES || view.getUint32(1) !== bytes.byteLength - PREFIX_BYTES || flags > 1)
    return err({ problem: "upstream_invalid_response", cause: "not one message" });
  return ok({ message: bytes.subarray(PREFIX_BYTES), isCoded: flags === 1, trailers });
}

const TOO_LARGE: UpstreamFailure = { problem: "upstream_invalid_response", cause: "a message too large, or more than one" };
