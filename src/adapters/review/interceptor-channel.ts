import { Channel, type ChannelOptions } from "@grpc/grpc-js";
import { err, ok, type Result } from "../../model/result.ts";
import type { CallCredential } from "../../ports/call-credential.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import type { PemMaterial } from "../certificates/pem-files.ts";
import { CallMetadata } from "./call-metadata.ts";
import { securityOf, targetOf, type ReviewEndpoint, type Security } from "./endpoint.ts";
import { guardedCredentials, type ConnectionGuard } from "./guarded-credentials.ts";
import { STATUS, type CallStatus } from "./status-to-failure.ts";
import { unaryCall, type CallOutcome } from "./unary-call.ts";
import { systemSocketFacts, type SocketFacts } from "./unix/socket-facts.ts";
import { unixGuard } from "./unix/unix-guard.ts";
import { watchConnection } from "./watch-connection.ts";

/** What a channel is made for. */
export interface ChannelTerms {
  readonly name: string;
  readonly endpoint: ReviewEndpoint;
  readonly pems: PemMaterial | undefined;
  readonly gatewayVersion: string;
  /** What calls show of who makes them; never over `grpc://` (C38). */
  readonly credential: CallCredential | undefined;
}

/** What a channel is made with. */
export interface ChannelDeps {
  readonly clock: Clock;
  readonly log: Log;
  /** What a unix socket is checked by; undefined: what this machine says. */
  readonly sockets: SocketFacts | undefined;
  /** Connected, for the first time or again. */
  readonly onReady: () => void;
}

/** The connection to one interceptor: kept up, and replaced whole when its terms change. Calls in flight finish on the connection they began on. */
export class InterceptorChannel {
  readonly #terms: ChannelTerms;
  readonly #deps: ChannelDeps;
  readonly #guard: ConnectionGuard | undefined;
  readonly #metadata: CallMetadata;
  #security: Result<Security, string>;
  #receiveLimitBytes: number;
  #channel: Channel | undefined;
  #stopWatch = (): void => {};
  #connected = false;
  #fault: string | undefined;
  #closed = false;

  constructor(terms: ChannelTerms, receiveLimitBytes: number, deps: ChannelDeps) {
    this.#terms = terms;
    this.#deps = deps;
    this.#receiveLimitBytes = receiveLimitBytes;
    this.#metadata = new CallMetadata(terms.endpoint.kind === "grpc" ? undefined : terms.credential);
    this.#security = securityOf(terms.endpoint, terms.pems);
    this.#guard = guardOf(terms.endpoint, deps.sockets);
    this.#renew();
  }

  get connected(): boolean {
    return this.#connected;
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

  /** One call that may take `timeMs`. Returns the function that gives it up, or why it cannot be made. */
  call(method: string, message: Buffer, timeMs: number, done: (outcome: CallOutcome) => void): Result<() => void, CallStatus> {
    if (this.#channel === undefined) {
      return err({ code: STATUS.UNAVAILABLE, details: this.#security.ok ? "the client is closed" : this.#security.error });
    }
    const metadata = this.#metadata.next();
    // a call that would be refused is not made (C38)
    if (!metadata.ok) return err({ code: STATUS.UNAUTHENTICATED, details: metadata.error });
    const deadlineMs = this.#deps.clock.wallMs() + timeMs;
    try {
      return ok(unaryCall(this.#channel, { method, message, metadata: metadata.value, deadlineMs }, done));
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
      this.#deps.log.write("error", "interceptor_unusable", { interceptor: this.#terms.name, reason: this.#security.error });
      return;
    }
    const { credentials, options } = this.#security.value;
    const guarded = guardedCredentials(credentials, {
      guard: this.#guard,
      onRefused: (reason) => {
        // one that was replaced may still be at it
        if (this.#channel === channel) this.#refused(reason);
      },
    });
    const channel = new Channel(targetOf(this.#terms.endpoint), guarded, {
      ...CHANNEL_OPTIONS,
      ...options,
      "grpc.primary_user_agent": `sallyport/${this.#terms.gatewayVersion}`,
      "grpc.max_receive_message_length": this.#receiveLimitBytes,
    });
    this.#channel = channel;
    const { clock, log, onReady } = this.#deps;
    const interceptor = this.#terms.name;
    this.#stopWatch = watchConnection(channel, clock, {
      onReady: () => {
        this.#connected = true;
        this.#fault = undefined;
        log.write("info", "interceptor_connected", { interceptor });
        onReady();
      },
      onLost: () => {
        this.#connected = false;
        log.write("warn", "interceptor_connection_lost", { interceptor });
      },
      onStuck: () => this.#renew(),
    });
  }

  /** Said once, however often it is tried again. */
  #refused(reason: string): void {
    if (reason === this.#fault) return;
    this.#fault = reason;
    this.#deps.log.write("warn", "interceptor_refused", { interceptor: this.#terms.name, reason });
  }

  /** Streams that are open stay until they are done; a call that waits for a connection is told it never began. */
  #drop(): void {
    this.#stopWatch();
    this.#connected = false;
    this.#channel?.close();
    this.#channel = undefined;
  }
}

/** Only where there is something to guard: asking the machine about peers makes Node warn that FFI is experimental. */
const guardOf = (endpoint: ReviewEndpoint, sockets: SocketFacts | undefined): ConnectionGuard | undefined =>
  endpoint.kind === "unix" ? unixGuard(endpoint.path, endpoint.trust, sockets ?? systemSocketFacts()) : undefined;

const CHANNEL_OPTIONS: ChannelOptions = {
  // by default equal-looking clients share connections, and one that trusts another peer skips its own check
  "grpc.use_local_subchannel_pool": 1,
  // retries are ours to decide (C6): the library's would send the same attempt twice
  "grpc.enable_retries": 0,
  "grpc.service_config_disable_resolution": 1,
  // HTTP_PROXY of the environment is for others
  "grpc.enable_http_proxy": 0,
  "grpc.enable_channelz": 0,
  // a half-dead connection looks alive for ever without pings
  "grpc.keepalive_time_ms": 10_000,
  "grpc.keepalive_timeout_ms": 5_000,
  "grpc.keepalive_permit_without_calls": 1,
  // a service that restarts is back within two seconds of its listening
  "grpc.initial_reconnect_backoff_ms": 100,
  "grpc.max_reconnect_backoff_ms": 1_000,
  "grpc.dns_min_time_between_resolutions_ms": 1_000,
  // views may be larger than the library's idea of a message; what is sent was limited when it was captured
  "grpc.max_send_message_length": -1,
};
