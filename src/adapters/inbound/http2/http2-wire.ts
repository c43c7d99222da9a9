import { randomBytes } from "node:crypto";
import { constants, type ServerHttp2Stream } from "node:http2";
import { isStream } from "../../../model/byte-stream.ts";
import { isGrpcType } from "../../../model/grpc.ts";
import type { HeaderLines } from "../../../model/header-lines.ts";
import { checkHead, type HeadCheck } from "../check-head.ts";
import type { ExchangeWire, WireWatcher } from "../exchange-wire.ts";
import type { ListenerLimits } from "../listener-settings.ts";
import type { FramedResponse } from "../response-framing.ts";
import { OutgoingPieces } from "./outgoing-pieces.ts";
import type { RequestLines } from "./request-lines.ts";
import { responseBlock } from "./response-block.ts";
import { StreamBody } from "./stream-body.ts";
import { trailerFields } from "./trailer-fields.ts";

/** What a wire is made of. */
export interface Http2WireParts {
  readonly stream: ServerHttp2Stream;
  readonly lines: RequestLines;
  readonly limits: ListenerLimits;
  /** Bytes of the body that arrived and were taken or dropped. */
  readonly onBodyBytes: (bytes: number) => void;
  readonly nowMs: () => number;
}

/** Of a handshake's key (RFC 6455 section 4.1). */
const KEY_BYTES = 16;

const UNKNOWN_PROTOCOL: HeadCheck = {
  kind: "refused",
  refusal: { problem: "upgrade_unsupported", detail: "The only protocol a stream can change to is websocket." },
};

const FRAMED_UPGRADE: HeadCheck = {
  kind: "refused",
  refusal: { problem: "bad_request", detail: "A WebSocket handshake has no body." },
};

/** Turns of the event loop that the last frames of a response may take to leave. */
const MAX_TURNS = 10;

/** A request and its response as a stream of an HTTP/2 connection. */
export class Http2Wire implements ExchangeWire {
  readonly body: StreamBody;
  readonly outrunsRequest = true;
  readonly carriesTrailers = true;
  readonly endsConnection = false;
  readonly raw: readonly string[];
  /** What the client sends on a stream that has become a WebSocket. */
  readonly behind: StreamBody | undefined;
  readonly #stream: ServerHttp2Stream;
  readonly #parts: Http2WireParts;
  readonly #pieces: OutgoingPieces;
  #watcher: WireWatcher | undefined;
  #trailers: HeaderLines | undefined;
  /** What is still to be handed over at the end: the body's last byte, and the trailers where there may be any. */
  #awaits = 1;
  #isHeld = false;
  /** Writes a head that is all of its response. */
  #heldHead: (() => void) | undefined;
  #state: "unanswered" | "answering" | "ended" | "out" | "cut" = "unanswered";
  #changed = false;

  constructor(parts: Http2WireParts) {
    const { stream, lines } = parts;
    this.#parts = parts;
    this.#stream = stream;
    this.body = new StreamBody(stream, parts.onBodyBytes);
    this.behind = lines.upgrade === "websocket" ? this.body : undefined;
    // HTTP/2 needs no key, the upstream's HTTP/1.1 does; a client that sent one then has two
    this.raw =
      this.behind === undefined ? lines.raw : [...lines.raw, "sec-websocket-key", randomBytes(KEY_BYTES).toString("base64")];
    this.#pieces = new OutgoingPieces(stream, parts.nowMs, () => this.#watcher?.onRoom());
    stream.on("aborted", () => this.#onClosed());
    stream.on("close", () => this.#onClosed());
    stream.on("error", (error) => this.#watcher?.onError(error));
  }

  get method(): string {
    return this.#parts.lines.method;
  }

  get requestTarget(): string {
    return this.#parts.lines.requestTarget;
  }

  get upgradeOnly(): true | undefined {
    return this.behind === undefined ? undefined : true;
  }

  get expects(): boolean {
    return this.#parts.lines.expects;
  }

  get gone(): boolean {
    return this.#stream.destroyed || this.#stream.closed;
  }

  get headWritten(): boolean {
    return this.#stream.headersSent || this.#heldHead !== undefined;
  }

  /** Whether all of the response was handed over, or we ended it early ourselves: what comes later is not the client's doing. */
  get isOver(): boolean {
    return this.#state === "out" || this.#state === "cut";
  }

  check(): HeadCheck {
    const { lines, limits } = this.#parts;
    // the checks of HTTP/1.1 hold; only what ends a body without a length is another thing here
    if (lines.upgrade === "unknown") return UNKNOWN_PROTOCOL;
    const checked = checkHead({ url: lines.path, major: 1, minor: 1, raw: this.raw }, limits);
    if (this.behind !== undefined && checked.kind === "accepted" && checked.framing.kind !== "none") return FRAMED_UPGRADE;
    if (
      checked.kind === "refused" ||
      this.behind !== undefined ||
      checked.framing.kind !== "none" ||
      this.#stream.endAfterHeaders
    )
      return checked;
    return lines.hasLength ? checked : { ...checked, framing: { kind: "chunked" } };
  }

  watch(watcher: WireWatcher): void {
    this.#watcher = watcher;
  }

  writeContinue(): void {
    this.#stream.additionalHeaders({ ":status": constants.HTTP_STATUS_CONTINUE });
  }

  writeHead(framed: FramedResponse): void {
    const { body } = framed;
    const isEmpty = body === undefined || (body instanceof Uint8Array && body.byteLength === 0);
    const waitForTrailers = isStream(body) && framed.status !== 101 && (body.declaredBytes === undefined || isGrpc(framed));
    const block = responseBlock(framed, this.upgradeOnly);
    const respond = (): void => this.#stream.respond(block, { endStream: isEmpty, waitForTrailers });
    if (isEmpty && this.#isHeld) this.#heldHead = respond;
    else respond();
    this.#state = "answering";
    this.#changed = framed.status === 101;
    if (!waitForTrailers) return;
    this.#awaits += 1;
    this.#stream.once("wantTrailers", () => {
      this.#stream.sendTrailers(trailerFields(this.#trailers));
      this.#onHandedOver();
    });
  }

  // it left when it was written
  flushHead(): void {}

  write(chunk: Uint8Array): boolean {
    return this.#pieces.put(chunk);
  }

  end(trailers?: HeaderLines): boolean {
    this.#state = "ended";
    this.#trailers = trailers;
    this.#pieces.end(() => this.#onHandedOver());
    // who takes nothing is found by `lookForStall`, without a timer for each response
    return true;
  }

  /** Whatever is answered, it is not whole before `release`. */
  hold(): void {
    this.#isHeld = true;
    this.#pieces.hold();
  }

  release(): void {
    this.#isHeld = false;
    try {
      if (!this.gone) this.#heldHead?.();
    } catch {
      // a field Node refuses; no exchange is there any more to say so
      this.cut();
    }
    this.#pieces.release();
  }

  cut(): void {
    this.#close(constants.NGHTTP2_INTERNAL_ERROR);
  }

  /** Ends the stream of a client that takes too slowly what it is sent; asked now and then. `true`: it was. */
  lookForStall(nowMs: number): boolean {
    if (this.isOver || !this.#pieces.isStalled(nowMs, this.#parts.limits.bodyIdleMs)) return false;
    this.#watcher?.onError(new Error("the client takes no bytes"));
    this.#close(constants.NGHTTP2_CANCEL);
    return true;
  }

  #close(code: number): void {
    // a WebSocket is open behind its answer
    if (this.#state === "cut" || (this.isOver && !this.#changed)) return;
    this.#state = "cut";
    this.#stream.close(code);
  }

  #onHandedOver(): void {
    this.#awaits -= 1;
    if (this.#awaits === 0) this.#onOut();
  }

  #onOut(): void {
    if (this.isOver) return;
    this.#state = "out";
    this.#watcher?.onOut();
    // a WebSocket may still be sent to
    if (this.#stream.destroyed || this.#changed) return;
    if (this.body.complete) return void this.#stream.resume();
    // nobody reads the rest: the client is told that it need not send it (RFC 9113 section 8.1)
    this.body.ignore();
    setImmediate(() => this.#stopSender(MAX_TURNS));
  }

  /** A reset overtakes frames that were not written yet, and they are lost: it waits a little for them. */
  #stopSender(turns: number): void {
    if (this.gone) return;
    const { outboundQueueSize = 0 } = this.#stream.session?.state ?? {};
    if (turns === 0 || (turns < MAX_TURNS && outboundQueueSize === 0)) this.#stream.close(constants.NGHTTP2_NO_ERROR);
    else setImmediate(() => this.#stopSender(turns - 1));
  }

  #onClosed(): void {
    // where the request is over as well, the stream is gone before it says that all was taken
    const { aborted, rstCode } = this.#stream;
    if (this.#state === "ended" && !aborted && rstCode === constants.NGHTTP2_NO_ERROR) this.#onOut();
    else this.#watcher?.onGone();
  }
}

/** Whether its trailers say how it ended. What else has a length has none, in practice: its last frame then says that it is the last. */
const isGrpc = ({ raw }: FramedResponse): boolean =>
  raw.some((name, index) => index % 2 === 0 && name.toLowerCase() === "content-type" && isGrpcType(raw[index + 1]));
