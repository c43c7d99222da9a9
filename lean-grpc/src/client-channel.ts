import type { Socket } from "node:net";
import type { CallOutcome, CallRequest, StreamListeners, Timers } from "./calls.ts";
import { ClientConnection, PEER } from "./client-connection.ts";
import { hungUp } from "./client-end.ts";
import type { StreamRequest } from "./client-stream.ts";
import type { Field } from "./hpack-table.ts";
import { ClientCall, unaryListeners, type CallTerms } from "./client-call.ts";
import { STATUS, type CallStatus } from "./grpc-status.ts";
import { HeldBytes } from "./held-bytes.ts";
import { KeepalivePace } from "./keepalive.ts";
import { framed } from "./message-reader.ts";
import { openSocket, type NoSocket, type SocketTerms } from "./open-socket.ts";
import { RequestFields } from "./request-fields.ts";

const NONE: readonly Field[] = [];

/** Where a channel connects, and how. */
export interface ChannelTerms extends SocketTerms {
  /** Of `:authority`. */
  readonly authority: string;
  readonly userAgent: string;
  /** Messages larger than this end their call. */
  readonly maxMessageBytes: number;
}

/** What happens to a channel. */
export interface ChannelEvents {
  readonly onReady: () => void;
  readonly onLost: () => void;
  /** TLS or the guard refused the peer, or it ours; not told of peers that were not there. */
  readonly onRefused: (reason: string) => void;
  /** What a listener of a call, or of these events, threw. Without it that is thrown where nobody catches it, as with any listener. */
  readonly onFault?: (thrown: unknown) => void;
}

/** Longest attempt to connect, handshakes and first settings included, milliseconds. */
const CONNECT_MS = 5_000;

/** Pauses between attempts, milliseconds: a service that restarts is back within a second of its listening. */
const PAUSE_MS = { first: 50, most: 1_000 } as const;

/** A connection that lasted so long is not counted as an attempt that failed, milliseconds. */
const LASTED_MS = 5_000;

/** Calls that wait for a connection; whoever calls has a lower bound of his own. */
const MAX_WAITING = 65_536;

/** What the peer may send before it hears more of us: any number of verdicts at once, and no more than can be held. */
const CONNECTION_WINDOW_BYTES = 64 * 1024 * 1024;

/**
 * A connection to one gRPC service over our own HTTP/2 client: kept up, with pauses between attempts. While it is being made calls wait;
 * after an attempt that failed they fail at once until another one succeeds. Closing lets calls in flight finish.
 */
export class ClientChannel {
  readonly #terms: ChannelTerms;
  readonly #timers: Timers;
  readonly #events: ChannelEvents;
  readonly #fields: RequestFields;
  readonly #callTerms: CallTerms;
  readonly #pace = new KeepalivePace();
  readonly #waiting = new Set<WaitingCall>();
  /** In use for new calls. */
  #connection: ClientConnection | undefined;
  #abort = new AbortController();
  #failure: string | undefined;
  #pauseMs: number = PAUSE_MS.first;
  #forgetTimer = (): void => {};
  #isClosed = false;

  constructor(terms: ChannelTerms, timers: Timers, events: ChannelEvents) {
    this.#terms = terms;
    this.#timers = timers;
    this.#events = events;
    this.#fields = new RequestFields(terms);
    this.#callTerms = { maxBytes: terms.maxMessageBytes, held: new HeldBytes(), onFault: events.onFault ?? throwLater };
    void this.#connect();
  }

  /** A call of one message and one answer. `timeMs` is what the peer is told it may take. `done` is called once, never before this returns. */
  unary(request: CallRequest, timeMs: number, done: (outcome: CallOutcome) => void): () => void {
    const call: ClientCall = new ClientCall(
      this.#callTerms,
      unaryListeners(done, () => call.giveUp()),
    );
    const timeout: Field = ["grpc-timeout", `${Math.min(99_999_999, Math.max(1, Math.ceil(timeMs)))}m`];
    return this.#start(call, request, timeout);
  }

  /** A server-streaming call without a deadline. */
  stream(request: CallRequest, listeners: StreamListeners): () => void {
    return this.#start(new ClientCall(this.#callTerms, listeners), request, undefined);
  }

  /** No new calls; those in flight finish. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#forgetTimer();
    this.#abort.abort();
    this.#failWaiting({ code: STATUS.UNAVAILABLE, details: "the client is closed", cause: "unseen" });
    const connection = this.#connection;
    this.#connection = undefined;
    connection?.drain();
  }

  #start(call: ClientCall, { method, message, metadata, own = NONE }: CallRequest, timeout: Field | undefined): () => void {
    const request: StreamRequest = {
      fixed: this.#fields.of(method, metadata),
      changing: timeout === undefined ? own : [timeout, ...own],
      body: framed(message),
      isAwaited: timeout !== undefined,
    };
    if (this.#connection !== undefined) call.cancel = this.#connection.open(request, call);
    else this.#wait(call, request);
    return () => call.giveUp();
  }

  #wait(call: ClientCall, request: StreamRequest): void {
    if (this.#isClosed || this.#failure !== undefined || this.#waiting.size >= MAX_WAITING) {
      const details = this.#isClosed ? "the client is closed" : `no connection: ${this.#failure ?? "too many calls wait for it"}`;
      // never before the call returned
      queueMicrotask(() => call.end({ code: STATUS.UNAVAILABLE, details, cause: "unreachable" }));
      return;
    }
    const waiting: WaitingCall = { call, request };
    this.#waiting.add(waiting);
    call.cancel = () => this.#waiting.delete(waiting);
  }

  #failWaiting(status: CallStatus): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const { call } of waiting) call.end(status);
  }

  async #connect(): Promise<void> {
    this.#abort = new AbortController();
    const { signal } = this.#abort;
    this.#forgetTimer = this.#timers.after(CONNECT_MS, () => this.#abort.abort());
    const opened = await openSocket(this.#terms, signal).catch((thrown: unknown) => unexpected(thrown));
    if (opened.kind !== "open") return this.#failed(opened);
    if (signal.aborted) {
      opened.socket.destroy();
      return this.#failed({ kind: "unreachable", reason: "no connection in time" });
    }
    this.#speak(opened.socket, signal);
  }

  /** HTTP/2 begins; the peer has the rest of the attempt's time for its first settings. */
  #speak(socket: Socket, signal: AbortSignal): void {
    let readyAtMs: number | undefined;
    const windows = { streamBytes: this.#streamWindow(), connectionBytes: CONNECTION_WINDOW_BYTES };
    const connection: ClientConnection = new ClientConnection(
      socket,
      { windows, timers: this.#timers, pace: this.#pace },
      {
        onReady: () => {
          readyAtMs = this.#timers.nowMs();
          this.#forgetTimer();
          this.#ready(connection);
        },
        onDraining: () => this.#lost(connection, readyAtMs),
        onClosed: (reason, error) => {
          if (readyAtMs === undefined) this.#failed(this.#whyNot(reason, error));
          else this.#lost(connection, readyAtMs);
        },
      },
    );
    signal.addEventListener("abort", () => {
      if (readyAtMs === undefined) connection.destroy("no answer in time");
    });
  }

  /** A whole message fits, so that the peer never waits for us in the middle of one. */
  #streamWindow(): number {
    return Math.max(this.#terms.maxMessageBytes + 1024, 65_535);
  }

  #ready(connection: ClientConnection): void {
    if (this.#isClosed) return connection.drain();
    this.#connection = connection;
    this.#failure = undefined;
    this.#tell(() => this.#events.onReady());
    for (const { call, request } of this.#waiting) call.cancel = connection.open(request, call);
    this.#waiting.clear();
  }

  /** Once for each connection: calls go to the next one. */
  #lost(connection: ClientConnection, readyAtMs: number | undefined): void {
    if (this.#connection !== connection) return;
    this.#connection = undefined;
    const hasLasted = readyAtMs !== undefined && this.#timers.nowMs() - readyAtMs >= LASTED_MS;
    if (hasLasted) this.#pauseMs = PAUSE_MS.first;
    // a service that only moves on is followed without a pause
    this.#again(hasLasted ? 0 : this.#pauseMs);
    this.#tell(() => this.#events.onLost());
  }

  /** In TLS 1.3 a server refuses our certificate after the handshake looks done to us, some with an alert and some without a word. */
  #whyNot(reason: string, error: Error | undefined): NoSocket {
    const { tls } = this.#terms;
    const code = error !== undefined && "code" in error ? String(error.code) : "";
    if (tls === undefined) return { kind: "unreachable", reason };
    if (error !== undefined && code.startsWith("ERR_SSL")) return { kind: "refused", reason: tls.describe(error) };
    const isSilent = reason === hungUp(PEER) || code === "ECONNRESET" || code === "EPIPE";
    return isSilent ? { kind: "refused", reason: SILENT_REFUSAL } : { kind: "unreachable", reason };
  }

  #failed({ kind, reason }: NoSocket): void {
    this.#forgetTimer();
    if (this.#isClosed) return;
    this.#failure = reason;
    this.#again();
    if (kind === "refused") this.#tell(() => this.#events.onRefused(reason));
    this.#failWaiting({ code: STATUS.UNAVAILABLE, details: `no connection: ${reason}`, cause: "unreachable" });
  }

  #tell(event: () => void): void {
    try {
      event();
    } catch (thrown) {
      this.#callTerms.onFault(thrown);
    }
  }

  #again(delayMs = this.#pauseMs): void {
    if (this.#isClosed) return;
    this.#forgetTimer = this.#timers.after(delayMs, () => void this.#connect());
    this.#pauseMs = Math.min(this.#pauseMs * 2, PAUSE_MS.most);
  }
}

const SILENT_REFUSAL = "TLS: the peer hung up right after the handshake; it may not trust our certificate";

/** A bug of a listener ends where bugs of listeners end, and not inside the connection. */
const throwLater = (thrown: unknown): void =>
  queueMicrotask(() => {
    throw thrown;
  });

interface WaitingCall {
  readonly call: ClientCall;
  readonly request: StreamRequest;
}

const unexpected = (thrown: unknown): NoSocket => ({
  kind: "unreachable",
  reason: thrown instanceof Error ? thrown.message : "unknown error",
});
