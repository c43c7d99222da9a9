import { isIP } from "node:net";
import { checkServerIdentity } from "node:tls";
import { KeepalivePace } from "@sallyport/lean-grpc/keepalive.ts";
import { openSocket, type ClientTls, type SocketTerms } from "@sallyport/lean-grpc/open-socket.ts";
import type { Clock } from "../../../ports/clock.ts";
import { connectionFailure } from "../http1/connection-failure.ts";
import { Http2Connection } from "./http2-connection.ts";
import type { Http2Call } from "./http2-call.ts";
import type { UpstreamSecurity } from "./upstream-security.ts";

/** Where connections go, and how long they are kept. */
export interface EndpointParts {
  /** Origin, `http://host:port` or `https://host:port`. */
  readonly url: string;
  /** For `https`. */
  readonly security: UpstreamSecurity | undefined;
  /** How long an idle connection is kept, milliseconds. */
  readonly idleMs: number;
  /** How long connecting may take, milliseconds. */
  readonly connectMs: number;
  readonly clock: Clock;
}

/** Connections to one endpoint: with a hundred streams each, more than a gateway's share of what an upstream takes. */
const MAX_CONNECTIONS = 16;

/** Calls a connection that is being made is expected to carry. */
const EXPECTED_STREAMS = 100;

interface Line {
  /** Undefined until it stands. */
  connection: Http2Connection | undefined;
  readonly attempt: AbortController;
  isReady: boolean;
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

  constructor(parts: EndpointParts) {
    const { host, hostname, port, protocol } = new URL(parts.url);
    this.#parts = parts;
    this.authority = host;
    this.scheme = protocol === "https:" ? "https" : "http";
    const name = hostname.replace(/^\[(.*)\]$/, "$1");
    const address = { kind: "tcp", host: name, port: port === "" ? (this.scheme === "https" ? 443 : 80) : Number(port) } as const;
    this.#socketTerms = { address, tls: this.scheme === "https" ? tlsFor(name, parts.security) : undefined, guard: undefined };
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

  /** A call ran out of time on its connection. */
  doubt(call: Http2Call): void {
    this.#byCall.get(call)?.probe();
  }

  /** Takes no further calls; each connection closes when its last stream is done. */
  close(): void {
    this.#isClosing = true;
    for (const { connection } of [...this.#lines]) connection?.drain();
  }

  /** Every connection closes at once. */
  destroy(): void {
    this.close();
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
    const coming = [...this.#lines].filter(({ isReady }) => !isReady).length;
    if (this.#isClosing || this.#lines.size >= MAX_CONNECTIONS || coming * EXPECTED_STREAMS >= this.#waiting.size) return;
    const line: Line = { connection: undefined, attempt: new AbortController(), isReady: false, forgetIdle: undefined };
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
    line.connection = new Http2Connection(opened.socket, {
      clock,
      pace: this.#pace,
      events: {
        onReady: () => {
          forget();
          line.isReady = true;
          this.#onRoom(line);
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

  #onRoom(line: Line): void {
    if (this.#isClosing) return line.connection?.drain();
    this.#admit();
    if (line.connection?.streamCount !== 0 || line.forgetIdle !== undefined) return;
    line.forgetIdle = this.#parts.clock.after(this.#parts.idleMs, () => line.connection?.drain());
  }

  /** It is no longer one of those that take calls. */
  #onDraining(line: Line): void {
    line.forgetIdle?.();
    this.#lines.delete(line);
    this.#connectIfNeeded();
  }

  #onLost(line: Line, reason: string, error: NodeJS.ErrnoException | undefined): void {
    line.forgetIdle?.();
    this.#lines.delete(line);
    if (line.isReady || [...this.#lines].some(({ isReady }) => isReady)) return this.#admit();
    // nobody else will come for those that waited for it: nothing of them was sent
    const { cause } = error === undefined ? { cause: reason } : connectionFailure(error, true);
    for (const call of [...this.#waiting]) call.fail({ problem: "upstream_unreachable", cause });
  }
}

/** Who the upstream must prove to be: the name it is configured by, or the one its address was replaced with. */
function tlsFor(host: string, security: UpstreamSecurity | undefined): ClientTls {
  // never in clear text where TLS was meant
  if (security === undefined) throw new Error("an https endpoint without its trust");
  const { secureContext, serverName = host } = security;
  return {
    secureContext,
    serverName: isIP(serverName) === 0 ? serverName : "",
    describe: (error) => `TLS: ${error.message}`,
    checkServerIdentity: (_name, certificate) => checkServerIdentity(serverName, certificate),
  };
}
