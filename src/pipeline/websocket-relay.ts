import type { ByteStream } from "../model/byte-stream.ts";
import type { Cancel } from "../model/cancel.ts";
import type { ProblemCode } from "../model/problem.ts";
import type { Tunnel } from "../model/tunnel.ts";
import type { Clock } from "../ports/clock.ts";
import type { OpenTunnel, TunnelEnd } from "../ports/tunnels.ts";
import { closeFrame, FrameScanner } from "../support/websocket-frames.ts";
import { RelayWay, type WayEvents } from "./relay-way.ts";

/** Once one end has said that it closes, or has gone, the other may be silent this long; milliseconds. */
const CLOSING_MS = 10_000;

/** How long both ends may take to go when the gateway has said its last word, milliseconds. */
const LINGER_MS = 1_000;

/** The close code of one that goes away: an end of its own that breaks off, or the gateway (RFC 6455 section 7.4.1). */
const GOING_AWAY = 1001;
/** That of a server that cannot go on. */
const UNEXPECTED = 1011;

/** Who closed a WebSocket, why, and the close code its client was told, or told. */
export interface RelayEnd {
  readonly by: "client" | "upstream" | "gateway";
  readonly end: TunnelEnd;
  /** 1005: a close frame without a code; 1006: none at all. */
  readonly code: number;
}

/** The gateway's own last word. */
export interface FinalWord {
  readonly end: TunnelEnd;
  readonly toClient: number;
  readonly toUpstream: number;
  /** ASCII, 123 characters at most. */
  readonly reason: string;
  /** What the record calls it, where it was somebody's fault. */
  readonly problem?: ProblemCode;
}

/** What a relay is made of. */
export interface RelayParts {
  readonly fromUpstream: ByteStream;
  readonly tunnel: Tunnel;
  readonly clock: Clock;
  readonly compressed: boolean;
  readonly maxMessageBytes: number;
  readonly idleMs: number;
  /** Pulled when the client is gone: what happens to the upstream then is its doing. */
  readonly cancel: Cancel;
  /** The gateway closed it of its own accord. Throws nothing. */
  readonly onClosing: (word: FinalWord) => void;
}

/**
 * An open WebSocket between its two ends. Frames pass as they are; what the gateway adds is an end: when nothing passes for too long, when a
 * frame is not what it must be, when somebody asks for it. Half of it may be closed before the other.
 */
export class WebSocketRelay implements WayEvents, OpenTunnel {
  /** What the client gets. */
  readonly toClient: RelayWay;
  /** Takes what it sends. */
  readonly tunnel: Tunnel;
  readonly #parts: RelayParts;
  readonly #toUpstream: RelayWay;
  #end: RelayEnd | undefined;
  #limitMs: number;
  #lastMs: number;
  #stopTimer: () => void;
  /** A last word that waits for a place between two frames. */
  #pending: FinalWord | undefined;
  /** The gateway has had the last word. */
  #lingers = false;

  constructor(parts: RelayParts) {
    const { clock, compressed, maxMessageBytes } = parts;
    this.#parts = parts;
    this.toClient = new RelayWay(new FrameScanner({ masked: false, compressed, maxMessageBytes }), this);
    this.#toUpstream = new RelayWay(new FrameScanner({ masked: true, compressed, maxMessageBytes }), this);
    this.toClient.from(parts.fromUpstream);
    this.tunnel = {
      open: (fromClient) => {
        this.#toUpstream.from(fromClient);
        parts.tunnel.open(this.#toUpstream);
      },
    };
    this.#limitMs = parts.idleMs;
    this.#lastMs = clock.nowMs();
    this.#stopTimer = clock.after(this.#limitMs, this.#look);
  }

  /** How it ended; of one that is still open that its client went. */
  get outcome(): RelayEnd {
    return this.#end ?? { by: "client", end: "client", code: ABNORMAL };
  }

  /** Ends it: at once, in the middle of a frame too. */
  close(word: FinalWord): void {
    if (this.#lingers) return;
    this.#lingers = true;
    this.#pending = undefined;
    this.#ended({ by: "gateway", end: word.end, code: word.toClient });
    this.#parts.onClosing(word);
    this.toClient.finish(closeFrame(word.toClient, word.reason, false));
    this.#toUpstream.finish(closeFrame(word.toUpstream, word.reason, true));
    this.#lastMs = this.#parts.clock.nowMs();
    this.#limit(LINGER_MS);
  }

  drain(): void {
    if (this.#end !== undefined) return;
    if (this.toClient.scanner.isBetweenFrames) return this.close(DRAINED);
    this.#pending = DRAINED;
  }

  /** Nobody is at its ends any more: nothing is kept of it. */
  release(): void {
    this.#stopTimer();
    this.toClient.stop();
    this.#toUpstream.stop(this.#end?.by === "gateway" ? "closed by the gateway" : undefined);
  }

  onBytes(way: RelayWay): void {
    this.#lastMs = this.#parts.clock.nowMs();
    if (this.#pending !== undefined && way === this.toClient && way.scanner.isBetweenFrames) this.close(this.#pending);
  }

  onFault(way: RelayWay): void {
    const { fault } = way.scanner;
    if (fault === undefined) return;
    const isClients = way === this.#toUpstream;
    this.close({
      end: fault.code === 1009 ? "too-large" : "protocol",
      toClient: isClients ? fault.code : UNEXPECTED,
      toUpstream: isClients ? GOING_AWAY : fault.code,
      reason: isClients ? fault.text : `upstream: ${fault.text}`,
      problem: isClients ? (fault.code === 1009 ? "body_too_large" : "bad_request") : "upstream_invalid_response",
    });
  }

  onClose(way: RelayWay): void {
    this.#ended({ ...this.#senderOf(way), code: way.scanner.closeCode ?? ABNORMAL });
    this.#limit(CLOSING_MS);
  }

  onEnd(way: RelayWay, _broken: boolean): void {
    this.#ended({ ...this.#senderOf(way), code: ABNORMAL });
    // a client is told that it was no proper end; an upstream sees it
    way.finish(way === this.toClient ? closeFrame(UNEXPECTED, "the upstream is gone", false) : undefined);
    this.#limit(CLOSING_MS);
  }

  onRefused(way: RelayWay): void {
    // who takes nothing is gone; what it has sent so far still passes
    this.#ended({ ...this.#senderOf(way === this.toClient ? this.#toUpstream : this.toClient), code: ABNORMAL });
    if (way === this.toClient) this.#toUpstream.finish();
    this.#limit(CLOSING_MS);
  }

  #senderOf(way: RelayWay): Pick<RelayEnd, "by" | "end"> {
    return way === this.toClient && !this.#parts.cancel.aborted
      ? { by: "upstream", end: "upstream" }
      : { by: "client", end: "client" };
  }

  // whoever is first
  #ended(end: RelayEnd): void {
    this.#end ??= end;
  }

  #limit(ms: number): void {
    if (ms >= this.#limitMs) return;
    this.#limitMs = ms;
    this.#stopTimer();
    this.#stopTimer = this.#parts.clock.after(ms, this.#look);
  }

  readonly #look = (): void => {
    const leftMs = this.#lastMs + this.#limitMs - this.#parts.clock.nowMs();
    if (leftMs > 0) {
      this.#stopTimer = this.#parts.clock.after(leftMs, this.#look);
      return;
    }
    if (this.#lingers) return this.release();
    if (this.#end === undefined) return this.close(IDLE);
    // one end closed and the other does not follow
    this.toClient.finish();
    this.#toUpstream.finish();
    this.#lingers = true;
    this.#lastMs = this.#parts.clock.nowMs();
    this.#limitMs = LINGER_MS;
    this.#stopTimer = this.#parts.clock.after(LINGER_MS, this.#look);
  };
}

const ABNORMAL = 1006;

const DRAINED: FinalWord = { end: "drain", toClient: GOING_AWAY, toUpstream: GOING_AWAY, reason: "the gateway is closing" };
const IDLE: FinalWord = {
  end: "idle",
  toClient: GOING_AWAY,
  toUpstream: GOING_AWAY,
  reason: "nothing was sent for too long",
  problem: "request_timeout",
};
