import { FieldBlock } from "../../http1/field-block.ts";
import type { ListenerLimits } from "../listener-settings.ts";

/** Kept for the next head. */
const MAX_KEPT = 16;

/** The longest method, the spaces, the version, two line ends. */
const LINE_ROOM_BYTES = 64;

/**
 * The rooms heads are read in, of one listener. A head that comes in one piece is read before the next piece of anybody's, so that one
 * room is enough for all; only a head that stays unfinished keeps one.
 */
export class HeadBlocks {
  readonly #limits: ListenerLimits;
  readonly #free: FieldBlock[] = [];

  constructor(limits: ListenerLimits) {
    this.#limits = limits;
  }

  /** A room where a head begins. */
  take(): FieldBlock {
    const block = this.#free.pop() ?? this.#make();
    block.begin();
    return block;
  }

  /** Nobody reads in it any more. */
  give(block: FieldBlock): void {
    if (this.#free.length < MAX_KEPT) this.#free.push(block);
  }

  // not stricter than checkHead, which says what exactly is too large: it counts a line with its end and `: `, as they are sent
  #make(): FieldBlock {
    const { maxHeaderBytes, maxUriBytes } = this.#limits;
    const maxBlockBytes = maxHeaderBytes + maxUriBytes + LINE_ROOM_BYTES;
    return new FieldBlock("request", { maxFields: maxBlockBytes, maxNameBytes: maxHeaderBytes, maxBlockBytes });
  }
}
