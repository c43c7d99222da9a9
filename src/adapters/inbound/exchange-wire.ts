import type { HeaderLines } from "../../model/header-lines.ts";
import type { HeadCheck } from "./check-head.ts";
import type { FramedResponse } from "./response-framing.ts";

/**
 * One request of a connection, and the place of its response there: what a codec gives to the exchange that lives on it. Whatever the
 * codec, decisions are the exchange's; a wire only reads and writes.
 */
export interface ExchangeWire {
  readonly method: string;
  /** Request target as sent. */
  readonly requestTarget: string;
  /** Names and trimmed values, alternating. */
  readonly raw: readonly string[];
  /** Whether the client said that it expects anything. */
  readonly expects: boolean;
  readonly body: BodySource;
  /**
   * What the client sends behind a head that asks for a WebSocket; absent where it does not, or the connection cannot become one. Not to be
   * read before a 101 is written: from then on `write` writes as it is, and `end` ends that direction alone.
   */
  readonly behind?: BodySource | undefined;
  /** It asks for a WebSocket and for nothing else: there is no ordinary answer of status 2xx. */
  readonly upgradeOnly?: true | undefined;
  /** The verdict on the head; asked once. */
  check(): HeadCheck;
  /** Who hears of the response's fate from now on. */
  watch(watcher: WireWatcher): void;
  /** Whether nothing can be written any more. */
  readonly gone: boolean;
  /** Whether the connection ends behind the response and has to be closed; asked when that is out. Node's server closes by itself. */
  readonly endsConnection: boolean;
  /** A response may be whole before its request is: what is left of that does not stand in the way of others. */
  readonly outrunsRequest?: true;
  /** Whether the response's head was written. */
  readonly headWritten: boolean;
  writeContinue(): void;
  /** Takes the response's head; it leaves with what is written next, at the latest with `end`. Throws, nothing written, where it cannot be. */
  writeHead(framed: FramedResponse): void;
  /** The head does not wait for more. */
  flushHead(): void;
  /** Whether more may follow at once; otherwise `onRoom` says when. */
  write(chunk: Uint8Array): boolean;
  /** Trailers reach the client: a body that breaks off can end with what its protocol says of that. */
  readonly carriesTrailers?: true;
  /**
   * The response is complete; a codec without a place for `trailers` drops them. Whether nothing of it waits any more for the client to
   * take it; `onOut` says when all of it is out.
   */
  end(trailers?: HeaderLines): boolean;
  /** Ends the connection so that the client cannot take what it got for the whole response. */
  cut(): void;
}

/** Who hears how a response fares. */
export interface WireWatcher {
  /** All of it is out. */
  onOut(): void;
  /** The connection is gone. */
  onGone(): void;
  /** There is room for more. */
  onRoom(): void;
  /** Why the connection is about to be gone. */
  onError(error: unknown): void;
}

/** The body of a request as it arrives. Nobody is told of a byte before `resume`. */
export interface BodySource {
  /** Its last byte was parsed. */
  readonly complete: boolean;
  /** Complete, and nothing of it waits to be taken. */
  readonly drained: boolean;
  /** The connection is gone before all was taken. */
  readonly gone: boolean;
  /** Takes the place of whoever listened before. */
  listen(listener: BodyListener): void;
  /** Nobody listens; what arrives waits, and the client with it. */
  unlisten(): void;
  /** Nobody ever will: what still arrives is dropped. */
  ignore(): void;
  pause(): void;
  /** May call the listener before it returns. */
  resume(): void;
}

/** Who takes the bytes of a request body. */
export interface BodyListener {
  onBytes(bytes: Uint8Array): void;
  /** `trailers`: as they came, where the codec keeps them; each line is legal. */
  onEnd(trailers?: HeaderLines): void;
  onGone(): void;
}
