import { type ChannelOptions, Server, ServerCredentials } from "@grpc/grpc-js";
import type { ReviewCounters } from "./counters.ts";
import { healthService } from "./health.ts";
import type { Interceptor } from "./interceptor.ts";
import { interceptorService } from "./interceptor-service.ts";
import { type ListenAddress, listenAddress } from "./listen-address.ts";
import { jsonLinesLog, type Log } from "./log.ts";
import { ReviewService } from "./review-service.ts";
import { stopOnSignals } from "./stop-on-signals.ts";
import { serverCredentials, type TlsOptions } from "./tls-options.ts";

/** How an interceptor is served. `grpcs://` takes certificates, `grpc://` an explicit permission. */
export type ServeOptions = MtlsServeOptions | InsecureServeOptions;

/** The normal case: gateway and interceptor show each other certificates. */
export interface MtlsServeOptions extends CommonServeOptions {
  /** `grpcs://host:port`; port 0 takes a free one. */
  readonly listen: `grpcs://${string}`;
  readonly tls: TlsOptions;
  /** How a gateway shows who it is: by its client certificate. */
  readonly gateway: { readonly identity: "mtls" };
}

/** Anyone who reaches the port can ask for reviews and read the answers; for development on one machine. */
export interface InsecureServeOptions extends CommonServeOptions {
  readonly listen: `grpc://${string}`;
  readonly allowInsecure: true;
}

interface CommonServeOptions {
  /** Stop gracefully on SIGTERM and SIGINT, then leave the process. Default true. */
  readonly signals?: boolean;
  /** Default: JSON lines; the `listening` line on standard output, the rest on standard error. */
  readonly log?: Log;
  /** Reviews beyond these are refused, which the gateway counts as `overloaded`. Default 1024. */
  readonly maxConcurrentReviews?: number;
  /** Encoded size of one ReviewRequest; raise it with the operator's `max_body_bytes`. Default 16 MiB. */
  readonly maxReviewBytes?: number;
  /** How long a graceful stop waits for reviews in flight. Default 10 s. */
  readonly drainMs?: number;
}

/** An interceptor that is being served. */
export interface RunningInterceptor extends AsyncDisposable {
  /** As in `listen`, with the port that was bound. */
  readonly address: string;
  readonly port: number;
  /** What happened so far. */
  counters(): ReviewCounters;
  /** Health turns NOT_SERVING, no new call is taken, reviews in flight finish or are cut off after `drainMs`. */
  close(): Promise<void>;
}

/**
 * Serves an interceptor over gRPC: Describe, Review and grpc.health.v1; Watch answers UNIMPLEMENTED.
 * Resolves once the port is bound. Throws on options that do not fit together and on a port that cannot be bound.
 */
export async function serve(interceptor: Interceptor, options: ServeOptions): Promise<RunningInterceptor> {
  const log = options.log ?? jsonLinesLog;
  const address = listenAddress(options.listen);
  const credentials = credentialsOf(address, options, log);
  const reviews = new ReviewService(interceptor, { log, maxConcurrentReviews: options.maxConcurrentReviews ?? 1024 });
  const health = healthService();
  const server = new Server(channelOptions(options));
  const service = interceptorService(reviews, "tls" in options ? options.tls.clientNames : undefined);
  server.addService(service.definition, service.implementation);
  server.addService(health.definition, health.implementation);
  const port = await bind(server, address, credentials);
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => {
    health.stop();
    return (closing ??= shutDown(server, options.drainMs ?? 10_000));
  };
  if (options.signals ?? true) stopOnSignals(close, log);
  const bound = `${address.scheme}://${address.host}:${port}`;
  log({ level: "info", message: "listening", interceptor: interceptor.name, version: interceptor.version, address: bound });
  return { address: bound, port, counters: () => reviews.counters, close, [Symbol.asyncDispose]: close };
}

function credentialsOf({ scheme }: ListenAddress, options: ServeOptions, log: Log): ServerCredentials {
  // plain JavaScript may combine what the types keep apart; each wrong combination would serve strangers
  const given: { readonly tls?: TlsOptions; readonly gateway?: unknown; readonly allowInsecure?: boolean } = options;
  if (scheme === "grpcs") {
    const { tls, gateway } = options as MtlsServeOptions; // checked below, property by property
    if (gateway?.identity !== "mtls") throw new TypeError('serve: grpcs:// takes gateway: { identity: "mtls" }');
    if (tls === undefined) throw new TypeError("serve: grpcs:// takes tls: { caFile, certFile, keyFile }");
    return serverCredentials(tls);
  }
  if (given.tls !== undefined || given.gateway !== undefined) {
    throw new TypeError("serve: tls and gateway take listen: grpcs://…, not grpc://");
  }
  if (given.allowInsecure !== true)
    throw new TypeError("serve: grpc:// is neither private nor authentic: it takes allowInsecure: true");
  log({ level: "warn", message: "insecure: anyone who reaches this port can ask for reviews; use grpcs:// with certificates" });
  return ServerCredentials.createInsecure();
}

function channelOptions(options: ServeOptions): ChannelOptions {
  return {
    "grpc.max_receive_message_length": options.maxReviewBytes ?? 16 * 1024 * 1024,
    // beyond the reviews, so that one too many is refused as such and health checks still pass
    "grpc.max_concurrent_streams": (options.maxConcurrentReviews ?? 1024) + 64,
    // a half-dead connection would otherwise look alive for ever
    "grpc.keepalive_time_ms": 30_000,
    "grpc.keepalive_timeout_ms": 10_000,
    // no "grpc.enable_channelz": 0 here: without it forceShutdown of 1.14.7 knows no connections, and a drain never ends
  };
}

function bind(server: Server, { host, port }: ListenAddress, credentials: ServerCredentials): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(`${host}:${port}`, credentials, (error, bound) => {
      if (error === null) resolve(bound);
      else reject(new Error(`serve: cannot listen on ${host}:${port}: ${error.message}`, { cause: error }));
    });
  });
}

function shutDown(server: Server, drainMs: number): Promise<void> {
  return new Promise((resolve) => {
    const impatient = setTimeout(() => server.forceShutdown(), drainMs);
    server.tryShutdown(() => {
      clearTimeout(impatient);
      resolve();
    });
  });
}
