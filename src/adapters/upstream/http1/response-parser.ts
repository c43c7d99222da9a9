import { ChunkedBody } from "../../http1/chunked-body.ts";
import { FieldBlock } from "../../http1/field-block.ts";
import { changingHead, framedHead, interimFault, type FramedHead } from "./framed-head.ts";

/** What a response turns out to be, in order: one head, any number of body pieces, one end. */
export interface ResponseEvents {
  onHead(head: FramedHead): void;
  /** A view of what was given to `read`: it is only good until that returns. */
  onBody(bytes: Uint8Array): void;
  /** `clean`: nothing came behind the response. The last thing a read does. */
  onEnd(clean: boolean): void;
}

type Place = "head" | "length" | "chunked" | "until-close" | "over" | "refused";

/**
 * Reads the responses of one connection, one at a time, byte for byte as they come. Strict: what another reader could take
 * otherwise is refused, and then nothing of the connection can be trusted any more. Interim responses are dropped (C26); a 101
 * nobody asked for is refused, behind one that was asked for everything is passed on as it comes.
 */
export class ResponseParser {
  readonly #events: ResponseEvents;
  readonly #block = new FieldBlock("response");
  readonly #chunks = new ChunkedBody();
  readonly #emit: (bytes: Uint8Array) => void;
  #method = "";
  #mayChange = false;
  #place: Place = "over";
  /** Of a body with a length: bytes still to come. */
  #remaining = 0;
  #fault: string | undefined;

  constructor(events: ResponseEvents) {
    this.#events = events;
    this.#emit = (bytes) => events.onBody(bytes);
  }

  /** A request of that method is sent: its response comes next. `mayChange`: it asks for another protocol. */
  begin(method: string, mayChange = false): void {
    this.#method = method;
    this.#mayChange = mayChange;
    this.#block.begin();
    this.#place = "head";
    this.#fault = undefined;
  }

  /** Bytes of the body known to come next; infinite up to the end of the connection. */
  get remainingBytes(): number {
    if (this.#place === "length") return this.#remaining;
    if (this.#place === "chunked") return this.#chunks.remainingBytes;
    return this.#place === "until-close" ? Number.POSITIVE_INFINITY : 0;
  }

  /** Reads the first `stop` bytes of `piece`. Returns why the response is refused, if it is. */
  read(piece: Buffer, stop: number): string | undefined {
    const at = this.#place === "head" ? this.#readHead(piece, stop) : 0;
    if (at < stop) this.#readBody(piece, at, stop);
    return this.#fault;
  }

  /** The connection ended, orderly. Returns why the response is not whole, if it is not. */
  finish(): string | undefined {
    if (this.#place === "until-close") this.#end(true);
    else
      this.#refuse(this.#place === "head" ? "the connection ended before a whole head" : "the connection ended within the body");
    return this.#fault;
  }

  /** Where the body begins; `stop` where nothing is left to be read. */
  #readHead(piece: Buffer, stop: number): number {
    let at = 0;
    for (;;) {
      const progress = this.#block.read(piece, at, stop);
      if (progress === "refused") this.#refuse(this.#block.scanner.fault);
      if (progress !== "complete") return stop;
      at = this.#block.next;
      const { status } = this.#block.scanner;
      if (status < 100 || status > 199 || status === 101) return this.#beginBody(piece, at, stop);
      const fault = interimFault(this.#block);
      if (fault !== undefined) {
        this.#refuse(fault);
        return stop;
      }
      this.#block.beginAgain();
    }
  }

  #beginBody(piece: Buffer, at: number, stop: number): number {
    const isChange = this.#mayChange && this.#block.scanner.status === 101;
    const head = isChange ? changingHead(this.#block) : framedHead(this.#block, this.#method);
    if (!head.ok) {
      this.#refuse(head.error);
      return stop;
    }
    const { framing } = head.value;
    this.#place = framing.kind === "none" ? "over" : framing.kind;
    if (framing.kind === "length") this.#remaining = framing.bytes;
    if (framing.kind === "chunked") this.#chunks.begin();
    this.#events.onHead(head.value);
    if (framing.kind !== "none") return at;
    this.#events.onEnd(at === stop);
    return stop;
  }

  #readBody(piece: Buffer, at: number, stop: number): void {
    switch (this.#place) {
      case "length":
        return this.#readLength(piece, at, stop);
      case "chunked":
        return this.#readChunks(piece, at, stop);
      case "until-close":
        return this.#events.onBody(piece.subarray(at, stop));
      default:
      // behind the end or a fault: whoever was told of it reads no more
    }
  }

  #readLength(piece: Buffer, at: number, stop: number): void {
    const until = Math.min(stop, at + this.#remaining);
    this.#remaining -= until - at;
    this.#events.onBody(piece.subarray(at, until));
    if (this.#remaining === 0) this.#end(until === stop);
  }

  #readChunks(piece: Buffer, at: number, stop: number): void {
    const next = this.#chunks.read(piece, at, stop, this.#emit);
    if (next < 0) this.#refuse(this.#chunks.fault);
    else if (this.#chunks.over) this.#end(next === stop);
  }

  #end(clean: boolean): void {
    this.#place = "over";
    this.#events.onEnd(clean);
  }

  #refuse(fault: string): void {
    this.#place = "refused";
    this.#fault = fault;
  }
}
