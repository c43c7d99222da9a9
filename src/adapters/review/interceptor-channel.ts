import { Channel, type ChannelOptions } from "@grpc/grpc-js";
import { err, ok, type Result } from "../../model/result.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import type { PemMaterial } from "../certificates/pem-files.ts";
import { securityOf, targetOf, type ReviewEndpoint, type Security } from "./endpoint.ts";
import { STATUS, type CallStatus } from "./status-to-failure.ts";
import { unaryCall, type CallOutcome } from "./unary-call.ts";
import { watchConnection } from "./watch-connection.ts";

/** What a channel is made for. */
export interface ChannelTerms {
  readonly name: string;
  readonly endpoint: ReviewEndpoint;
  readonly pems: PemMaterial | undefined;
  readonly gatewayVersion: string;
}

/** The connection to one interceptor: kept up, and replaced whole when its terms change. Calls in flight finish on the connection they began on. */
export class InterceptorChannel {
  readonly #terms: ChannelTerms;
  readonly #deps: { readonly clock: Clock; readonly log: Log; readonly onReady: () => void };
  #security: Result<Security, string>;
  #receiveLimitBytes: number;
  #channel: Channel | undefined;
  #stopWatch = (): void => {};
  #closed = false;

  constructor(
    terms: ChannelTerms,
    receiveLimitBytes: number,
    deps: { readonly clock: Clock; readonly log: Log; readonly onReady: () => void },
  ) {
    this.#terms = terms;
    this.#deps = deps;
    this.#receiveLimitBytes = receiveLimitBytes;
    this.#security = securityOf(terms.endpoint, terms.pems);
    this.#renew();
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
    try {
      return ok(unaryCall(this.#channel, { method, message, deadlineMs: this.#deps.clock.wallMs() + timeMs }, done));
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
      this.#deps.log.write("error", "interceptor_unusable", { interceptor: this.#terms.name, reason: this.#security.error });
      return;
    }
    const { credentials, options } = this.#security.value;
    const channel = new Channel(targetOf(this.#terms.endpoint), credentials, {
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
        log.write("info", "interceptor_connected", { interceptor });
        onReady();
      },
      onLost: () => log.write("warn", "interceptor_connection_lost", { interceptor }),
      onStuck: () => this.#renew(),
    });
  }

  /** Streams that are open stay until they are done; a call that waits for a connection is told it never began. */
  #drop(): void {
    this.#stopWatch();
    this.#channel?.close();
    this.#channel = undefined;
  }
}

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
