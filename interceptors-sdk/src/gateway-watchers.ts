import { Event, WatchRequest } from "@sallyport/contract/gen/sallyport/interceptor/v1/interceptor.ts";
import { decodeStrict } from "@sallyport/contract/wire.ts";
import { STATUS } from "@sallyport/lean-grpc/grpc-status.ts";
import { cacheTag } from "./checked-value.ts";
import type { Log } from "./log.ts";
import type { StreamCall } from "./rpc-server.ts";

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
  readonly #pending = new Map<StreamCall, number>();
  #closed = false;

  constructor(log: Log) {
    this.#log = log;
  }

  /** Gateways watching now. */
  get size(): number {
    return this.#pending.size;
  }

  /** Takes in a stream whose caller is known. It stays open until the caller leaves, does not read, or `close`. */
  add(watcher: StreamCall): void {
    if (watcher.isCancelled) return;
    const request = decodeStrict(WatchRequest, watcher.request);
    if (!request.ok) return watcher.fail({ code: STATUS.INVALID_ARGUMENT, details: `not a WatchRequest: ${request.error}` });
    if (this.#closed) return watcher.fail({ code: STATUS.UNAVAILABLE, details: "the service is stopping" });
    if (this.#pending.size >= MAX_WATCHERS) {
      this.#log({ level: "warn", message: "watch refused", reason: `more than ${MAX_WATCHERS} at once` });
      return watcher.fail({ code: STATUS.RESOURCE_EXHAUSTED, details: `more than ${MAX_WATCHERS} gateways watch` });
    }
    this.#pending.set(watcher, 0);
    watcher.onCancel(() => this.#pending.delete(watcher));
    // at once, not with the first event: this is how the gateway knows that it is told from now on
    watcher.begin();
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

  #write(watcher: StreamCall, bytes: Uint8Array, weight: number): void {
    this.#pending.set(watcher, (this.#pending.get(watcher) ?? 0) + weight);
    watcher.send(bytes, () => {
      const pending = this.#pending.get(watcher);
      if (pending !== undefined) this.#pending.set(watcher, pending - weight);
    });
  }

  #letGo(watcher: StreamCall): void {
    this.#pending.delete(watcher);
    this.#log({ level: "warn", message: "watch ended", reason: "the gateway does not read what it is told" });
    // a status would wait behind the events nobody reads, and they would be kept until then
    watcher.reset();
  }
}
