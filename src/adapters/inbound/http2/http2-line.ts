import { constants, performServerHandshake, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import type { Tally } from "../connection.ts";
import { InboundExchange, type ExchangeParts, type Peer } from "../inbound-exchange.ts";
import type { Line } from "../line.ts";
import type { ListenerDeps } from "../listener-deps.ts";
import type { ListenerSettings } from "../listener-settings.ts";
import { ConnectionCosts } from "./connection-costs.ts";
import { Http2Wire } from "./http2-wire.ts";
import { requestLines } from "./request-lines.ts";
import { CONNECTION_WINDOW_BYTES, MAX_STREAMS_PER_CONNECTION, sessionOptions } from "./session-options.ts";

/** What the HTTP/2 connections of a listener share. */
export interface Http2Shared {
  readonly settings: ListenerSettings;
  readonly deps: ListenerDeps;
  readonly tally: Tally;
}

/** What a line is made of. */
export interface Http2LineParts extends Http2Shared {
  readonly socket: Socket;
  readonly peer: Peer;
}

interface Arrived {
  readonly wire: Http2Wire;
  readonly stream: ServerHttp2Stream;
}

/** One HTTP/2 connection: its requests run beside each other. Whoever costs more than his requests is sent away. */
export class Http2Line implements Line {
  readonly #parts: Http2LineParts;
  readonly #session: ServerHttp2Session;
  readonly #exchangeParts: ExchangeParts;
  readonly #costs: ConnectionCosts;
  readonly #wires = new Map<Http2Wire, ServerHttp2Stream>();
  #streams = 0;
  /** Came in the packet that is being read; no more than may be open. */
  #arrived: Arrived[] = [];
  /** What is due next: the client's settings, or any request. */
  #awaits: "settings" | "request" = "settings";
  #quietSinceMs: number;
  #state: "open" | "leaving" | "asking" | "settling" | "over" = "open";
  #stopAsking = (): void => {};

  constructor(parts: Http2LineParts) {
    const { socket, settings, deps, peer } = parts;
    this.#parts = parts;
    this.#quietSinceMs = deps.clock.nowMs();
    this.#costs = new ConnectionCosts(socket, this.#quietSinceMs);
    // HTTP/2 says elsewhere that a connection ends
    this.#exchangeParts = { ...deps, peer, settings, closing: () => false };
    // a client that closed its half sends nothing any more, not even that it takes what it is sent
    socket.allowHalfOpen = false;
    this.#session = performServerHandshake(socket, sessionOptions(settings.limits));
    this.#session.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
    // the core event: a listener to `request` would end the process over a trailer
    this.#session.on("stream", (stream, _headers, _flags, block) => this.#onStream(stream, block));
    this.#session.on("remoteSettings", this.#onSettings);
    this.#session.on("ping", this.#onAsk);
    this.#session.on("error", () => {});
    this.#session.on("close", () => {
      this.#stopAsking();
      this.#state = "over";
    });
  }

  /**
   * Behind Node's GOAWAY no request is taken that was on its way; its client may send it again elsewhere. It leaves while the client waits for
   * answers and has nothing else to send: one that has no request under way is told behind its next.
   */
  leave(): void {
    if (this.#state !== "open") return;
    this.#state = "leaving";
    if (this.#wires.size + this.#arrived.length > 0) this.#ask();
  }

  // no request is taken behind the GOAWAY of a session that closes
  shut(): void {
    for (const { stream } of this.#arrived.splice(0)) stream.close(constants.NGHTTP2_REFUSED_STREAM);
    this.settle();
  }

  settle(): void {
    if (this.#state === "over" || this.#state === "settling" || this.#session.destroyed) return;
    this.#stopAsking();
    this.#state = "settling";
    this.#session.close();
    for (const wire of this.#present()) wire.release();
  }

  /** Holds the ends of answers, so that no client asks further because of one, until all has arrived that was sent before. */
  #ask(): void {
    if (this.#session.destroyed) return;
    const { clock } = this.#parts.deps;
    this.#state = "asking";
    for (const wire of this.#present()) wire.hold();
    this.#stopAsking = clock.after(ACKNOWLEDGED_MS, () => this.settle());
    this.#session.ping(() => {
      if (this.#state !== "asking") return;
      this.#stopAsking();
      // a client acknowledges what it received before its application has acted on it
      this.#stopAsking = clock.after(ACTED_MS, () => this.settle());
    });
  }

  /** Requests under way, begun or not. */
  #present(): readonly Http2Wire[] {
    return [...this.#wires.keys(), ...this.#arrived.map(({ wire }) => wire)];
  }

  /** Whether it has to be looked at soon again. */
  get isBusy(): boolean {
    return this.#state !== "over" && this.#costs.isBusy;
  }

  /** Looks whether the client is late, slow or a burden; from now and then. */
  look(nowMs: number): void {
    if (this.#state === "over") return;
    const { headerTimeoutMs, idleMs } = this.#parts.settings.limits;
    let heldBytes = 0;
    for (const [wire, stream] of this.#wires) {
      heldBytes += stream.readableLength;
      if (wire.lookForStall(nowMs) && !this.#costs.reset(nowMs)) return this.#sendAway("stalled streams");
    }
    if (!this.#costs.look(nowMs, heldBytes)) return this.#sendAway("frames without effect");
    if (this.#wires.size + this.#arrived.length > 0) return;
    const quietMs = nowMs - this.#quietSinceMs;
    if (this.#awaits === "settings" && quietMs > headerTimeoutMs) this.#end(constants.NGHTTP2_SETTINGS_TIMEOUT);
    else if (quietMs > idleMs || (this.#state === "settling" && quietMs > LINGER_MS)) this.#end(constants.NGHTTP2_NO_ERROR);
  }

  /** Requests of one packet are begun behind it: what is reset in the same packet costs nothing else (R16). */
  #onStream(stream: ServerHttp2Stream, block: readonly string[]): void {
    // trouble with a stream is told by its end
    stream.on("error", () => {});
    this.#streams += 1;
    this.#costs.request(block.reduce((sum, { length }) => sum + length, 0));
    const { limits, tls } = this.#parts.settings;
    const wire = new Http2Wire({
      stream,
      lines: requestLines(block, tls === undefined ? "http" : "https"),
      limits,
      onBodyBytes: (bytes) => this.#costs.piece(bytes),
      nowMs: () => this.#parts.deps.clock.nowMs(),
    });
    if (this.#state === "asking") wire.hold();
    this.#arrived.push({ wire, stream });
    if (this.#arrived.length === 1) setImmediate(() => this.#begin());
    const isLast = this.#state === "open" && this.#streams >= MAX_STREAMS_PER_CONNECTION;
    if (this.#state === "leaving" || isLast) this.#ask();
  }

  #begin(): void {
    const arrived = this.#arrived;
    this.#arrived = [];
    const nowMs = this.#parts.deps.clock.nowMs();
    for (const { wire, stream } of arrived) {
      if (this.#state === "over") return;
      if (wire.gone) this.#onReset(nowMs);
      else this.#run(wire, stream);
    }
  }

  #run(wire: Http2Wire, stream: ServerHttp2Stream): void {
    const { clock } = this.#parts.deps;
    this.#wires.set(wire, stream);
    this.#parts.tally.begun();
    stream.once("close", () => {
      if (!wire.isOver) this.#onReset(clock.nowMs());
    });
    const over = (): void => {
      this.#wires.delete(wire);
      // reset without an error it would be kept, and its connection with it, until somebody had read what came on it
      if (stream.aborted) stream.destroy();
      this.#quietSinceMs = clock.nowMs();
      this.#parts.tally.over();
    };
    new InboundExchange(wire, this.#exchangeParts).run().then(over, () => {
      // a bug of ours
      stream.close(constants.NGHTTP2_INTERNAL_ERROR);
      over();
    });
  }

  #onReset(nowMs: number): void {
    // when a connection ends, so do its streams
    if (this.#parts.socket.destroyed || this.#session.destroyed) return;
    if (!this.#costs.reset(nowMs)) this.#sendAway("streams that are reset");
  }

  readonly #onSettings = (): void => {
    if (this.#awaits === "settings") this.#quietSinceMs = this.#parts.deps.clock.nowMs();
    this.#awaits = "request";
    this.#onAsk();
  };

  readonly #onAsk = (): void => {
    if (!this.#costs.ask(this.#parts.deps.clock.nowMs())) this.#sendAway("frames that ask for an answer");
  };

  #sendAway(reason: string): void {
    if (this.#state === "over") return;
    const { deps, settings, peer } = this.#parts;
    deps.log.write("info", "connection_sent_away", { listener: settings.name, client_address: peer.address, reason });
    this.#end(constants.NGHTTP2_ENHANCE_YOUR_CALM);
  }

  /** Ends the connection with what is under way on it; the client is told why, if it listens. */
  #end(code: number): void {
    this.#state = "over";
    const { socket, deps } = this.#parts;
    const stop = deps.clock.after(LINGER_MS, () => socket.destroy());
    socket.once("close", stop);
    // without an error the code would be lost
    this.#session.destroy(new Error("the connection is ended"), code);
  }
}

/** How long a client may take to acknowledge what it was sent, before it is told that its connection ends. */
const ACKNOWLEDGED_MS = 500;

/** How long its application may take to act on answers that were on their way, milliseconds. */
const ACTED_MS = 10;

/** How long a client may take to hear that its connection ends. */
const LINGER_MS = 1_000;
