import { KeepalivePace } from "@sallyport/lean-grpc/keepalive.ts";
import { openSocket, type ClientTls, type SocketTerms } from "@sallyport/lean-grpc/open-socket.ts";
import type { Clock } from "../../../ports/clock.ts";
import { refusalReason } from "../../review/refusal-reason.ts";
import type { EndpointNames } from "../endpoint-client.ts";
import { connectionFailure } from "../http1/connection-failure.ts";
import { nextAddressMs } from "../http1/open-socket.ts";
import type { EndpointTls } from "../tls/endpoint-tls.ts";
import { Http2Connection } from "./http2-connection.ts";
import type { Http2Call } from "./http2-call.ts";

/** Where connections go, and how long they are kept. */
export interface EndpointParts {
  /** Origin, `http://host:port` or `https://host:port`. */
  readonly url: string;
  /** For `https`. */
  readonly tls: EndpointTls | undefined;
  /** Where the host is a name. */
  readonly names: EndpointNames | undefined;
  /** How long an idle connection is kept, milliseconds. */
  readonly idleMs: number;
  /** How long connecting may take, milliseconds. */
  readonly connectMs: number;
  readonly clock: Clock;
}

/** Connections to one endpoint: with a hundred streams each, more than a gateway's share of what an upstream takes. */
const MAX_CONNECTIONS = 16;

/** The same, those that finish what is on them included: an upstream may give up connections faster than their streams end. */
const MAX_WITH_DRAINING = 64;

/** How long after a failed attempt the next one is made where other connections serve, milliseconds. */
const PAUSE_MS = 100;

/** Calls a connection that is being made is expected to carry. */
const EXPECTED_STREAMS = 100;

interface Line {
  /** Undefined until it stands. */
  connection: Http2Connection | undefined;
  /** Where it leads; undefined as long. */
  remoteAddress: string | undefined;
  readonly attempt: AbortController;
  /** `draining`: it takes no new streams, and those under way go on. */
  state: "coming" | "ready" | "draining";
  forgetIdle: (() => void) | undefined;
}

/**
 * The HTTP/2 connections to one endpoint. A call takes the first connection with room for a stream; where there is none another is
 * made, and beyond the most there may be the call waits for its turn, no longer than connecting may take.
 */
export class EndpointConnections {
  /** The endpoint as a host line names it. */
  readonly authority: string;
  readonly scheme: "http" | "https";
  readonly #parts: EndpointParts;
  readonly #socketTerms: SocketTerms;
  readonly #pace = new KeepalivePace();
  readonly #lines = new Set<Line>();
  readonly #byCall = new WeakMap<Http2Call, Http2Connection>();
  /** Bounded by the calls an upstream may have under way. */
  readonly #waiting = new Set<Http2Call>();
  #isClosing = false;
  #forgetPause: (() => void) | undefined;

  constructor(parts: EndpointParts) {
    const { host, hostname, port, protocol } = new URL(parts.url);
    this.#parts = parts;
    this.authority = host;
    this.scheme = protocol === "https:" ? "https" : "http";
    const name = hostname.replace(/^\[(.*)\]$/, "$1");
    const { names } = parts;
    const lookup = names === undefined ? {} : { lookup: names.lookup, nextAddressMs: nextAddressMs(parts.connectMs) };
    const place = { host: name, port: port === "" ? (this.scheme === "https" ? 443 : 80) : Number(port) };
    const address = { kind: "tcp", ...place, ...lookup } as const;
    this.#socketTerms = { address, tls: this.scheme === "https" ? tlsFor(parts.tls) : undefined, guard: undefined };
  }

  /** Gives the call a stream: at once where there is one. */
  run(call: Http2Call): void {
    if (this.#waiting.size === 0 && this.#place(call)) return;
    this.#waiting.add(call);
    this.#connectIfNeeded();
  }

  /** It is over before it began. */
  forget(call: Http2Call): void {
    this.#waiting.delete(call);
  }

  /** A call ran out of time on its connection, having waited since then, monotonic, milliseconds. */
  doubt(call: Http2Call, sinceMs: number): void {
    this.#byCall.get(call)?.probe(sinceMs);
  }

  /** Connections to addresses that are gone take no further calls, and close when their last stream is done. */
  dropGone(): void {
    for (const line of [...this.#lines]) if (line.state === "ready") this.#dropIfGone(line);
  }

  /** Takes no further calls; each connection closes when its last stream is done. */
  close(): void {
    this.#isClosing = true;
    for (const { connection } of [...this.#lines]) connection?.drain();
  }

  /** Every connection closes at once. */
  destroy(): void {
    this.close();
    this.#forgetPause?.();
    for (const { connection, attempt } of [...this.#lines]) {
      attempt.abort();
      connection?.destroy("the upstream is being closed");
    }
  }

  #place(call: Http2Call): boolean {
    for (const line of this.#lines) {
      const { connection } = line;
      if (connection === undefined || connection.room <= 0) continue;
      line.forgetIdle?.();
      line.forgetIdle = undefined;
      this.#byCall.set(call, connection);
      call.begin(connection.open(call.parts.fields, call, call.endsWithHead));
      return true;
    }
    return false;
  }

  #admit(): void {
    for (const call of this.#waiting) {
      // first: beginning may end it, and that may make room again
      this.#waiting.delete(call);
      if (this.#place(call)) continue;
      this.#waiting.add(call);
      return this.#connectIfNeeded();
    }
  }

  #connectIfNeeded(): void {
    const coming = this.#count("coming");
    if (this.#isClosing || this.#forgetPause !== undefined || coming * EXPECTED_STREAMS >= this.#waiting.size) return;
    if (coming + this.#count("ready") >= MAX_CONNECTIONS || this.#lines.size >= MAX_WITH_DRAINING) return;
    const line: Line = {
      connection: undefined,
      remoteAddress: undefined,
      attempt: new AbortController(),
      state: "coming",
      forgetIdle: undefined,
    };
    this.#lines.add(line);
    void this.#connect(line);
  }

  async #connect(line: Line): Promise<void> {
    const { clock, connectMs } = this.#parts;
    const forget = clock.after(connectMs, () => {
      line.attempt.abort();
      line.connection?.destroy("no settings in time");
    });
    const opened = await openSocket(this.#socketTerms, line.attempt.signal);
    if (opened.kind !== "open") {
      forget();
      return this.#onLost(line, opened.reason, undefined);
    }
    line.remoteAddress = opened.socket.remoteAddress;
    line.connection = new Http2Connection(opened.socket, {
      clock,
      pace: this.#pace,
      events: {
        onReady: () => {
          forget();
          line.state = "ready";
          this.#onRoom(line);
          this.#dropIfGone(line);
        },
        onRoom: () => this.#onRoom(line),
        onDraining: () => this.#onDraining(line),
        onClosed: (reason, error) => {
          forget();
          this.#onLost(line, reason, error);
        },
      },
    });
  }

  #count(state: Line["state"]): number {
    let count = 0;
    for (const line of this.#lines) if (line.state === state) count += 1;
    return count;
  }

  /** No attempt for a while: others serve, and who waits may have one of theirs. */
  #pause(): void {
    this.#forgetPause ??= this.#parts.clock.after(PAUSE_MS, () => {
      this.#forgetPause = undefined;
      this.#connectIfNeeded();
    });
  }

  #dropIfGone(line: Line): void {
    const { remoteAddress, connection } = line;
    if (remoteAddress === undefined || this.#parts.names?.has(remoteAddress) !== false) return;
    this.#onDraining(line);
    connection?.drain();
  }

  #onRoom(line: Line): void {
    if (this.#isClosing) return line.connection?.drain();
    this.#admit();
    if (line.connection?.streamCount !== 0 || line.forgetIdle !== undefined) return;
    line.forgetIdle = this.#parts.clock.after(this.#parts.idleMs, () => line.connection?.drain());
  }

  /** It is no longer one of those that take calls. */
  #onDraining(line: Line): void {
    line.forgetIdle?.();
    line.state = "draining";
    this.#connectIfNeeded();
  }

  #onLost(line: Line, reason: string, error: NodeJS.ErrnoException | undefined): void {
    line.forgetIdle?.();
    this.#lines.delete(line);
    if (line.state !== "coming") return this.#admit();
    if (this.#count("ready") > 0) return this.#pause();
    // nobody else will come for those that waited for it: nothing of them was sent
    const { cause } = error === undefined ? { cause: reason } : connectionFailure(error, true);
    for (const call of [...this.#waiting]) call.fail({ problem: "upstream_unreachable", cause, kind: "connect" });
  }
}

/** What the upstream must prove. */
function tlsFor(tls: EndpointTls | undefined): ClientTls {
  // never in clear text where TLS was meant
  if (tls === undefined) throw new Error("an https endpoint without its trust");
  const { secureContext, sni, checkServerIdentity } = tls;
  return { secureContext, serverName: sni, describe: refusalReason, checkServerIdentity };
}
