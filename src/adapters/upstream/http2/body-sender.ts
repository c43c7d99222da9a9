import type { Field } from "@sallyport/lean-grpc/hpack-table.ts";
import { BodyFailure } from "../../../model/body-failure.ts";
import { isStream, type Body, type ByteSink, type Flow } from "../../../model/byte-stream.ts";
import type { HeaderLines } from "../../../model/header-lines.ts";
import type { UpstreamFailure, UpstreamRequest } from "../../../ports/upstream.ts";
import type { Http2Stream } from "./http2-stream.ts";

/** What a sender needs besides its stream. */
export interface SenderParts {
  readonly passesTrailer: UpstreamRequest["passesTrailer"];
  /** Everything is with the connection. */
  readonly onSent: () => void;
  /** The request cannot be completed; what was sent is not all. */
  readonly onBroken: (failure: UpstreamFailure) => void;
}

/** Sends one request's body, and the trailers that may pass, on one stream; as fast as the stream takes it. */
export class BodySender implements ByteSink {
  readonly #stream: Http2Stream;
  readonly #parts: SenderParts;
  #declaredBytes: number | undefined;
  #bytes = 0;
  #flow: Flow | undefined;
  #state: "flowing" | "ended" | "over" = "flowing";

  constructor(stream: Http2Stream, parts: SenderParts) {
    this.#stream = stream;
    this.#parts = parts;
  }

  /** Once. */
  begin(body: Body): void {
    if (!isStream(body)) {
      this.#state = "ended";
      this.#stream.endWith(body ?? new Uint8Array());
      return this.#settle();
    }
    this.#declaredBytes = body.declaredBytes;
    const flow = body.pipe(this);
    this.#flow = flow;
    // whoever was called meanwhile may have given up, which the type checker cannot see
    if (this.#now() === "over") flow.cancel();
  }

  /** The stream takes bytes again. */
  onRoom(): void {
    if (this.#state === "flowing") this.#flow?.resume();
    this.#settle();
  }

  /** Nobody wants the rest to be sent: its producer is told. */
  stop(): void {
    if (this.#state === "flowing") this.#flow?.cancel();
    this.#state = "over";
  }

  write(chunk: Uint8Array): boolean {
    if (this.#state !== "flowing") return false;
    this.#bytes += chunk.byteLength;
    if (this.#bytes <= (this.#declaredBytes ?? Number.POSITIVE_INFINITY)) return this.#stream.write(chunk);
    this.#break("the request body is longer than the length it declared");
    return false;
  }

  end(trailers?: HeaderLines): void {
    if (this.#state !== "flowing") return;
    if (this.#bytes < (this.#declaredBytes ?? 0)) return this.#break("the request body is shorter than the length it declared");
    this.#state = "ended";
    this.#stream.end(this.#passable(trailers));
    this.#settle();
  }

  fail(cause: unknown): void {
    if (this.#state !== "flowing") return;
    this.#state = "over";
    const timedOut = cause instanceof BodyFailure && cause.problem === "request_timeout";
    this.#parts.onBroken({ problem: timedOut ? "request_timeout" : "bad_request", cause: "the request body broke off" });
  }

  #passable(trailers: HeaderLines | undefined): readonly Field[] | undefined {
    const { passesTrailer } = this.#parts;
    if (trailers === undefined || passesTrailer === undefined || !trailers.isWritable) return undefined;
    const fields: Field[] = [];
    trailers.each((name, value) => {
      if (passesTrailer(name)) fields.push([name, value]);
    });
    return fields.length === 0 ? undefined : fields;
  }

  #settle(): void {
    if (this.#state !== "ended" || !this.#stream.sent) return;
    this.#state = "over";
    this.#parts.onSent();
  }

  #break(cause: string): void {
    this.#state = "over";
    this.#flow?.cancel();
    this.#parts.onBroken({ problem: "bad_request", cause });
  }

  #now(): "flowing" | "ended" | "over" {
    return this.#state;
  }
}
