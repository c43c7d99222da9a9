import { ChunkedBody } from "../../http1/chunked-body.ts";
import type { FieldBlock } from "../../http1/field-block.ts";
import { checkHead, type HeadCheck } from "../check-head.ts";
import type { ListenerLimits } from "../listener-settings.ts";
import type { HeadBlocks } from "./head-blocks.ts";
import { requestHead, type RequestHead } from "./request-head.ts";

/** What the bytes of a connection turn out to be: requests, one after the other. */
export interface RequestEvents {
  /** A head, and the verdict on it. Nothing comes behind one that is refused. */
  onHead(head: RequestHead, checked: HeadCheck): void;
  /** A view of what was given to `read`. */
  onBody(bytes: Uint8Array): void;
  /** The last byte of the request was read; called for one without a body too. */
  onEnd(): void;
}

/** Why the bytes are no request. */
export type ParseFault = "no-request" | "too-large" | "connect";

/** `over`: a request was the last one, or refused, and what comes behind it is nobody's. `refused`: no request. */
type Place = "before" | "after-cr" | "head" | "length" | "chunked" | "over" | "refused";

/**
 * Reads the requests of one connection as they come in pieces. Strict: what another reader could take otherwise is refused, and then
 * nothing of the connection can be trusted any more. One empty line before a request is let pass (RFC 9112 section 2.2).
 */
export class RequestParser {
  readonly #events: RequestEvents;
  readonly #blocks: HeadBlocks;
  readonly #limits: ListenerLimits;
  #place: Place = "before";
  #mayBeBlank = true;
  #block: FieldBlock | undefined;
  #chunks: ChunkedBody | undefined;
  /** Of a body with a length: bytes still to come. */
  #remaining = 0;
  #isLast = false;
  /** Of a refusal, for people. */
  fault = "";

  constructor(events: RequestEvents, blocks: HeadBlocks, limits: ListenerLimits) {
    this.#events = events;
    this.#blocks = blocks;
    this.#limits = limits;
  }

  /** Whether a head was begun and is not finished. */
  get isWithinHead(): boolean {
    return this.#place === "head" || this.#place === "after-cr";
  }

  /** Whether a request was begun and is not finished. */
  get isWithinRequest(): boolean {
    return this.#place === "length" || this.#place === "chunked" || this.isWithinHead;
  }

  /** Reads a piece, which nobody else writes to or reads any more. Returns what is wrong with it, once. */
  read(piece: Buffer): ParseFault | undefined {
    const stop = piece.byteLength;
    let at = 0;
    while (at < stop) {
      const next = this.#readSome(piece, at, stop);
      if (typeof next === "string") {
        this.release();
        this.#place = "refused";
        return next;
      }
      at = next;
    }
    return undefined;
  }

  /** No more will be read: rooms are given back. */
  release(): void {
    if (this.#block !== undefined) this.#blocks.give(this.#block);
    this.#block = undefined;
    this.#chunks = undefined;
    if (this.#place !== "refused") this.#place = "over";
  }

  #readSome(piece: Buffer, at: number, stop: number): number | ParseFault {
    switch (this.#place) {
      case "before":
        if (piece[at] === CR && this.#mayBeBlank) {
          this.#place = "after-cr";
          this.#mayBeBlank = false;
          return at + 1;
        }
        this.#place = "head";
        this.#block = this.#blocks.take();
        return this.#readHead(this.#block, piece, { at, stop });
      case "after-cr":
        if (piece[at] !== LF) return this.#refuse("CR without LF");
        this.#place = "before";
        return at + 1;
      case "head":
        return this.#readHead((this.#block ??= this.#blocks.take()), piece, { at, stop });
      case "length":
        return this.#readLength(piece, at, stop);
      case "chunked":
        return this.#readChunks((this.#chunks ??= new ChunkedBody()), piece, { at, stop });
      case "over":
      case "refused":
        return stop;
      default:
        return this.#place satisfies never;
    }
  }

  #readHead(block: FieldBlock, piece: Buffer, { at, stop }: Stretch): number | ParseFault {
    const progress = block.read(piece, at, stop);
    if (progress === "more") return stop;
    if (progress === "refused") return block.isTooLarge ? "too-large" : this.#refuse(block.scanner.fault);
    const { next } = block;
    const head = requestHead(block, this.#limits);
    this.#blocks.give(block);
    this.#block = undefined;
    if (!head.ok) return this.#refuse(head.error);
    if (head.value.method === "CONNECT") return "connect";
    this.#begin(head.value);
    return next;
  }

  #begin(head: RequestHead): void {
    const checked = checkHead({ url: head.requestTarget, major: 1, minor: head.minor, raw: head.raw }, this.#limits);
    this.#isLast = !head.persistent || checked.kind === "refused" || checked.closes;
    const framing = checked.kind === "refused" ? NO_BODY : checked.framing;
    if (framing.kind === "length") this.#remaining = framing.bytes;
    if (framing.kind === "chunked") {
      this.#chunks = new ChunkedBody();
      this.#chunks.begin();
    }
    this.#place = framing.kind === "none" ? "before" : framing.kind;
    this.#events.onHead(head, checked);
    if (framing.kind === "none") this.#end();
  }

  #readLength(piece: Buffer, at: number, stop: number): number {
    const until = Math.min(stop, at + this.#remaining);
    this.#remaining -= until - at;
    this.#events.onBody(piece.subarray(at, until));
    if (this.#remaining === 0) this.#end();
    return until;
  }

  #readChunks(chunks: ChunkedBody, piece: Buffer, { at, stop }: Stretch): number | ParseFault {
    const next = chunks.read(piece, at, stop, (bytes) => this.#events.onBody(bytes));
    if (next < 0) return this.#refuse(chunks.fault);
    if (chunks.over) this.#end();
    return next;
  }

  #end(): void {
    // whoever was told meanwhile may want no more
    if (this.#place === "over") return;
    this.#chunks = undefined;
    this.#mayBeBlank = true;
    this.#place = this.#isLast ? "over" : "before";
    this.#events.onEnd();
  }

  #refuse(fault: string): ParseFault {
    this.fault = fault;
    return "no-request";
  }
}

interface Stretch {
  readonly at: number;
  readonly stop: number;
}

const NO_BODY = { kind: "none" } as const;

const LF = 0x0a;
const CR = 0x0d;
