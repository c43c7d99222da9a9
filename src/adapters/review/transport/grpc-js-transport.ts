import { Channel, connectivityState, credentials, Metadata, type ChannelOptions } from "@grpc/grpc-js";
import { isIpAddress } from "../../../support/ip-address.ts";
import type { Secret } from "../../../model/secret.ts";
import { CHANNEL_OPTIONS } from "../channel-options.ts";
import type { ReviewEndpoint, Security } from "../endpoint.ts";
import { guardedCredentials } from "../guarded-credentials.ts";
import { streamCall, type StreamListeners } from "../stream-call.ts";
import { unaryCall, type CallOutcome } from "../unary-call.ts";
import { watchConnection } from "../watch-connection.ts";
import type { Transport, TransportEvents, TransportRequest, TransportTerms } from "./transport.ts";

/** Calls by the general gRPC library: the reference, and what to fall back on. */
export class GrpcJsTransport implements Transport {
  readonly #channel: Channel;
  readonly #terms: TransportTerms;
  readonly #stopWatch: () => void;
  #token: Secret | undefined;
  #metadata = new Metadata();

  constructor(terms: TransportTerms, events: TransportEvents) {
    this.#terms = terms;
    const { endpoint, security, guard, userAgent, receiveLimitBytes, clock } = terms;
    const guarded = guardedCredentials(credentialsOf(security), { guard, onRefused: (reason) => events.onRefused(reason) });
    this.#channel = new Channel(targetOf(endpoint), guarded, {
      ...CHANNEL_OPTIONS,
      ...optionsOf(security),
      "grpc.primary_user_agent": userAgent,
      "grpc.max_receive_message_length": receiveLimitBytes,
    });
    this.#stopWatch = watchConnection(this.#channel, clock, events);
  }

  get isReady(): boolean {
    return this.#channel.getConnectivityState(false) === connectivityState.READY;
  }

  unary(request: TransportRequest, timeMs: number, done: (outcome: CallOutcome) => void): () => void {
    const deadlineMs = this.#terms.clock.wallMs() + timeMs;
    return unaryCall(this.#channel, { ...request, metadata: withTrace(this.#metadataOf(request), request), deadlineMs }, done);
  }

  stream(request: TransportRequest, listeners: StreamListeners): () => void {
    return streamCall(this.#channel, { ...request, metadata: this.#metadataOf(request) }, listeners);
  }

  close(): void {
    this.#stopWatch();
    this.#channel.close();
  }

  /** One object for as long as the token is the same: it is checked once and not for each call. The library copies it before it adds its own. */
  #metadataOf({ token }: TransportRequest): Metadata {
    if (token === this.#token) return this.#metadata;
    this.#metadata = new Metadata();
    if (token !== undefined) this.#metadata.set("authorization", `Bearer ${token.reveal()}`);
    this.#token = token;
    return this.#metadata;
  }
}

function withTrace(metadata: Metadata, { trace }: TransportRequest): Metadata {
  if (trace === undefined) return metadata;
  const own = metadata.clone();
  own.set("traceparent", trace.traceparent);
  own.set("x-correlation-id", trace.correlationId);
  return own;
}

/** The target in the library's spelling: an address is not looked up. */
function targetOf(endpoint: ReviewEndpoint): string {
  // the path behind an empty authority: `unix:path` could be relative
  if (endpoint.kind === "unix") return `unix://${endpoint.path}`;
  const { host, port } = endpoint;
  if (!isIpAddress(host)) return `dns:${host}:${port}`;
  return host.includes(":") ? `ipv6:[${host}]:${port}` : `ipv4:${host}:${port}`;
}

function credentialsOf({ tls }: Security): ReturnType<typeof credentials.createInsecure> {
  if (tls === undefined) return credentials.createInsecure();
  const { secureContext, checkServerIdentity } = tls;
  return credentials.createFromSecureContext(secureContext, { checkServerIdentity });
}

const optionsOf = ({ tls, authority }: Security): ChannelOptions =>
  tls === undefined ? {} : { "grpc.ssl_target_name_override": tls.serverName, "grpc.default_authority": authority };
