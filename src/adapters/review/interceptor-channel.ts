import { err, ok, type Result } from "../../model/result.ts";
import type { Secret } from "../../model/secret.ts";
import type { CallCredential } from "../../ports/call-credential.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import type { PemMaterial } from "../certificates/pem-files.ts";
import { securityOf, type ReviewEndpoint, type Security } from "./endpoint.ts";
import type { ConnectionGuard } from "./guarded-credentials.ts";
import { ownCertificateGuard } from "./own-certificate-guard.ts";
import { STATUS, type CallStatus } from "./status-to-failure.ts";
import type { StreamListeners } from "./stream-call.ts";
import type { OpenTransport, Transport, TransportRequest } from "./transport/transport.ts";
import type { CallOutcome } from "./unary-call.ts";
import { systemSocketFacts, type SocketFacts } from "./unix/socket-facts.ts";
import { unixGuard } from "./unix/unix-guard.ts";

/** What a channel is made for. */
export interface ChannelTerms {
  readonly name: string;
  /** The endpoint as the operator writes it, for the log. */
  readonly url: string;
  readonly endpoint: ReviewEndpoint;
  readonly pems: PemMaterial | undefined;
  readonly gatewayVersion: string;
  /** What calls show of who makes them; never over `grpc://` (C38). */
  readonly credential: CallCredential | undefined;
  /** What calls go over. */
  readonly openTransport: OpenTransport;
}

/** What a channel is made with. */
export interface ChannelDeps {
  readonly clock: Clock;
  readonly log: Log;
  /** What a unix socket is checked by; undefined: what this machine says. */
  readonly sockets: SocketFacts | undefined;
  /** Connected, for the first time or again. */
  readonly onReady: () => void;
  /** The connection is no more; `isOurs`: it was us who ended it, to make another. */
  readonly onLost: (isOurs: boolean) => void;
}

/** The connection to one endpoint of an interceptor: kept up, and replaced whole when its terms change. Calls in flight finish on the connection they began on. */
export class InterceptorChannel {
  readonly #terms: ChannelTerms;
  readonly #deps: ChannelDeps;
  readonly #guard: ConnectionGuard | undefined;
  #security: Result<Security, string>;
  #receiveLimitBytes: number;
  #transport: Transport | undefined;
  /** Open on the transport there is. */
  readonly #streams = new Set<OpenStream>();
  #connected = false;
  #fault: string | undefined;
  #closed = false;

  constructor(terms: ChannelTerms, receiveLimitBytes: number, deps: ChannelDeps) {
    this.#terms = terms;
    this.#deps = deps;
    this.#receiveLimitBytes = receiveLimitBytes;
    this.#security = securityOf(terms.endpoint, terms.pems);
    this.#guard = guardOf(terms.endpoint, deps.sockets);
    this.#renew();
  }

  get connected(): boolean {
    return this.#connected;
  }

  /** The same, as of this moment: `connected` is told of changes a little later. */
  get isReady(): boolean {
    return this.#connected && this.#transport?.isReady === true;
  }

  /** Why the peer was refused that would have been connected to: the check that failed. Undefined where none did since the last connection. */
  get fault(): string | undefined {
    return this.#fault;
  }

  /** Messages larger than this are cut off while they arrive. */
  get receiveLimitBytes(): number {
    return this.#receiveLimitBytes;
  }

  /** Takes larger messages from now on; never smaller ones. */
  receiveUpTo(limitBytes: number): void {
    if (limitBytes <= this.#receiveLimitBytes) return;
    this.#receiveLimitBytes = limitBytes;
    this.#renew();
  }

  /** Connects anew with other certificates; on an error the old ones stay. */
  rotate(pems: PemMaterial): Result<void, string> {
    const security = securityOf(this.#terms.endpoint, pems);
    if (!security.ok) return security;
    this.#security = security;
    this.#renew();
    return ok(undefined);
  }

  /** Connects anew; calls in flight finish on the connection they began on. */
  reconnect(): void {
    this.#renew();
  }

  /** One call that may take `timeMs`. Returns the function that gives it up, or why it cannot be made. */
  call(
    { method, message, trace }: Omit<TransportRequest, "token">,
    timeMs: number,
    done: (outcome: CallOutcome) => void,
  ): Result<() => void, CallStatus> {
    return this.#begin((transport, token) => transport.unary({ method, message, trace, token }, timeMs, done));
  }

  /**
   * One server-streaming call without a deadline. Its credential is looked at when it begins and not again (C38). It ends, unlike other
   * calls, with the connection it began on, also when that is replaced: else the old one would never be given up. Whoever wants it for
   * good opens it anew.
   */
  stream(method: string, message: Buffer, listeners: StreamListeners): Result<() => void, CallStatus> {
    const streams = this.#streams;
    const open: OpenStream = { end: listeners.onEnd, giveUp: () => {} };
    const onEnd: StreamListeners["onEnd"] = (status) => (streams.delete(open), open.end(status));
    const started = this.#begin((transport, token) => transport.stream({ method, message, token }, { ...listeners, onEnd }));
    if (!started.ok) return started;
    open.giveUp = started.value;
    streams.add(open);
    return ok(() => {
      streams.delete(open);
      open.end = () => {};
      started.value();
    });
  }

  /** Why no call can be made, or what `start` gives. */
  #begin(start: (transport: Transport, token: Secret | undefined) => () => void): Result<() => void, CallStatus> {
    if (this.#transport === undefined) {
      return err({ code: STATUS.UNAVAILABLE, details: this.#security.ok ? "the client is closed" : this.#security.error });
    }
    const { endpoint, credential } = this.#terms;
    const token = endpoint.kind === "grpc" ? undefined : credential?.token();
    // a call that would be refused is not made (C38)
    if (token?.ok === false) return err({ code: STATUS.UNAUTHENTICATED, details: token.error });
    try {
      return ok(start(this.#transport, token?.value));
    } catch (error) {
      return err({
        code: STATUS.INTERNAL,
        details: `the call could not be made: ${error instanceof Error ? error.message : "unknown error"}`,
      });
    }
  }

  close(): void {
    this.#closed = true;
    this.#drop();
  }

  #renew(): void {
    if (this.#closed) return;
    this.#drop();
    if (!this.#security.ok) {
      this.#fault = this.#security.error;
      this.#deps.log.write("error", "interceptor_unusable", { ...this.#said, reason: this.#security.error });
      return;
    }
    this.#transport = this.#open(this.#security.value);
  }

  #open(security: Security): Transport {
    const { endpoint, gatewayVersion, openTransport } = this.#terms;
    const { clock } = this.#deps;
    const guard = security.ownEndsMs === undefined ? this.#guard : ownCertificateGuard(security.ownEndsMs, clock, this.#guard);
    const userAgent = `sallyport/${gatewayVersion}`;
    const terms = { endpoint, security, guard, userAgent, receiveLimitBytes: this.#receiveLimitBytes, clock };
    // one that was replaced may still be at it
    const ifCurrent = (work: () => void): void => {
      if (this.#transport === transport) work();
    };
    const transport: Transport = openTransport(terms, {
      onReady: () => ifCurrent(() => this.#ready()),
      onLost: () => ifCurrent(() => this.#lost()),
      onRefused: (reason) => ifCurrent(() => this.#refused(reason)),
      onStuck: () => ifCurrent(() => this.#renew()),
    });
    return transport;
  }

  get #said(): { readonly interceptor: string; readonly endpoint: string } {
    return { interceptor: this.#terms.name, endpoint: this.#terms.url };
  }

  #ready(): void {
    this.#connected = true;
    this.#fault = undefined;
    this.#deps.log.write("info", "interceptor_connected", this.#said);
    this.#deps.onReady();
  }

  #lost(): void {
    this.#connected = false;
    this.#deps.onLost(false);
    this.#deps.log.write("warn", "interceptor_connection_lost", this.#said);
  }

  /** Said once, however often it is tried again. */
  #refused(reason: string): void {
    if (reason === this.#fault) return;
    this.#fault = reason;
    this.#deps.log.write("warn", "interceptor_refused", { ...this.#said, reason });
  }

  /** Reviews that are under way stay until they are done; a call that waits for a connection is told it never began. */
  #drop(): void {
    const wasConnected = this.#connected;
    this.#connected = false;
    const transport = this.#transport;
    this.#transport = undefined;
    transport?.close();
    const ended = [...this.#streams];
    this.#streams.clear();
    for (const { giveUp } of ended) giveUp();
    // told last: the listener may open another
    for (const stream of ended)
      queueMicrotask(() => stream.end({ code: STATUS.UNAVAILABLE, details: "the connection was replaced" }));
    if (wasConnected) this.#deps.onLost(true);
  }
}

/** A stream that has not ended. */
interface OpenStream {
  end: (status: CallStatus) => void;
  giveUp: () => void;
}

/** Only where there is something to guard: asking the machine about peers makes Node warn that FFI is experimental. */
const guardOf = (endpoint: ReviewEndpoint, sockets: SocketFacts | undefined): ConnectionGuard | undefined =>
  endpoint.kind === "unix" ? unixGuard(endpoint.path, endpoint.trust, sockets ?? systemSocketFacts()) : undefined;
