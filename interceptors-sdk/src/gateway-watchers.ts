import { constants } from "node:http2";
import { Metadata, type ServerWritableStream, status } from "@grpc/grpc-js";
import { Event, WatchRequest } from "@sallyport/contract/gen/sallyport/interceptor/v1/interceptor.ts";
import { decodeStrict } from "@sallyport/contract/wire.ts";
import { cacheTag } from "./checked-value.ts";
import type { Log } from "./log.ts";

/** One gateway's stream of events. */
export type Watcher = ServerWritableStream<Uint8Array, Uint8Array>;

/** Streams at once; one more is refused. */
const MAX_WATCHERS = 64;

/** Tags on the way to one gateway; one that does not read them is let go, comes back, and has forgotten what it had. */
const MAX_PENDING_TAGS = 1024;

/** Tags of one revoke. */
const MAX_TAGS = 64;

/**
 * The gateways that watch, and what they are told. A gateway that misses an event sees its stream end and forgets every verdict it kept, so
 * an event is either delivered or its loss is (C34).
 */
export class GatewayWatchers {
  readonly #log: Log;
  readonly #pending = new Map<Watcher, number>();
  #closed = false;

  constructor(log: Log) {
    this.#log = log;
  }

  /** Gateways watching now. */
  get size(): number {
    return this.#pending.size;
  }

  /** Takes in a stream whose caller is known. It stays open until the caller leaves, does not read, or `close`. */
  add(watcher: Watcher): void {
    if (watcher.cancelled) return;
    const request = decodeStrict(WatchRequest, watcher.request);
    if (!request.ok) return refuse(watcher, status.INVALID_ARGUMENT, `not a WatchRequest: ${request.error}`);
    if (this.#closed) return refuse(watcher, status.UNAVAILABLE, "the service is stopping");
    if (this.#pending.size >= MAX_WATCHERS) {
      this.#log({ level: "warn", message: "watch refused", reason: `more than ${MAX_WATCHERS} at once` });
      return refuse(watcher, status.RESOURCE_EXHAUSTED, `more than ${MAX_WATCHERS} gateways watch`);
    }
    this.#pending.set(watcher, 0);
    // the library calls every finished call cancelled
    watcher.once("cancelled", () => this.#pending.delete(watcher));
    watcher.once("error", () => this.#pending.delete(watcher));
    // at once, not with the first event: this is how the gateway knows that it is told from now on
    watcher.sendMetadata(new Metadata());
  }

  /** Tells every gateway to describe again; returns how many were told. */
  manifestChanged(): number {
    return this.#tell({ kind: { $case: "manifestChanged", value: {} } }, 1);
  }

  /** Tells every gateway to forget verdicts with any of these tags; returns how many were told. Throws `InvalidVerdictError` or a TypeError on tags that are none. */
  revoke(tags: readonly string[]): number {
    if (tags.length < 1 || tags.length > MAX_TAGS) throw new TypeError(`revoke: takes 1 to ${MAX_TAGS} tags, not ${tags.length}`);
    return this.#tell({ kind: { $case: "revoke", value: { tags: tags.map(cacheTag) } } }, tags.length);
  }

  /** Ends every stream and takes no other. */
  close(): void {
    this.#closed = true;
    for (const watcher of this.#pending.keys()) watcher.end();
    this.#pending.clear();
  }

  #tell(event: Event, weight: number): number {
    const bytes = Event.encode(event).finish();
    for (const [watcher, pending] of [...this.#pending]) {
      if (pending + weight > MAX_PENDING_TAGS) this.#letGo(watcher);
      else this.#write(watcher, bytes, weight);
    }
    return this.#pending.size;
  }

  #write(watcher: Watcher, bytes: Uint8Array, weight: number): void {
    this.#pending.set(watcher, (this.#pending.get(watcher) ?? 0) + weight);
    watcher.write(bytes, () => {
      const pending = this.#pending.get(watcher);
      if (pending !== undefined) this.#pending.set(watcher, pending - weight);
    });
  }

  #letGo(watcher: Watcher): void {
    this.#pending.delete(watcher);
    this.#log({ level: "warn", message: "watch ended", reason: "the gateway does not read what it is told" });
    // a status would wait behind the events nobody reads, and they would be kept until then
    if (!reset(watcher)) refuse(watcher, status.RESOURCE_EXHAUSTED, "the events are not read");
  }
}

function refuse(watcher: Watcher, code: status, details: string): void {
  watcher.emit("error", { code, details });
}

/** Resets the HTTP/2 stream; false where the library does not show it: it keeps it there, and does not promise to. */
function reset(watcher: Watcher): boolean {
  const call: unknown = Reflect.get(watcher, "call");
  const stream: unknown = typeof call === "object" && call !== null ? Reflect.get(call, "stream") : undefined;
  const close: unknown = typeof stream === "object" && stream !== null ? Reflect.get(stream, "close") : undefined;
  if (typeof close !== "function") return false;
  Reflect.apply(close, stream, [constants.NGHTTP2_CANCEL]);
  return true;
}
