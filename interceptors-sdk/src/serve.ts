import type { ReviewCounters } from "./counters.ts";
import { Door } from "./door.ts";
import { GatewayKeys } from "./gateway-keys.ts";
import type { GatewayProof, JwtProof } from "./gateway-proof.ts";
import { GatewayTokens } from "./gateway-tokens.ts";
import { GatewayWatchers } from "./gateway-watchers.ts";
import { HEALTH_CHECK, healthService } from "./health.ts";
import type { Interceptor } from "./interceptor.ts";
import { interceptorService } from "./interceptor-service.ts";
import { type ListenAddress, listenAddress } from "./listen-address.ts";
import { jsonLinesLog, type Log } from "./log.ts";
import { readJwks } from "./read-jwks.ts";
import { leanServer } from "./lean-server.ts";
import { ReviewService } from "./review-service.ts";
import type { RotatingTls } from "./rotating-tls.ts";
import type { RpcMethods, RpcServer, RpcServerTerms } from "./rpc-server.ts";
import { stopOnSignals } from "./stop-on-signals.ts";
import { mutualTls, serverTls, type TlsOptions } from "./tls-options.ts";
import { listenOnSocket } from "./unix-listener.ts";

/** How an interceptor is served. `grpcs://` takes certificates, `unix://` may, `grpc://` takes an explicit permission. */
export type ServeOptions = TlsServeOptions | UnixServeOptions | InsecureServeOptions;

/** The normal case: gateway and interceptor prove to each other who they are. */
export interface TlsServeOptions extends CommonServeOptions, SocketOptions {
  /** `grpcs://host:port`; port 0 takes a free one. Or `unix:///path`. */
  readonly listen: `grpcs://${string}` | `unix:///${string}`;
  readonly tls: TlsOptions;
  /** How a gateway shows who it is: by its client certificate, by the token it sends, or by both. */
  readonly gateway: GatewayProof;
}

/** A socket of this machine without TLS: whom its file lets in, and nobody else, can ask for reviews. */
export interface UnixServeOptions extends CommonServeOptions, SocketOptions {
  /** The path is absolute; its directories can be written to by their owners only, or no gateway would trust what is in them. */
  readonly listen: `unix:///${string}`;
  /** By the permissions of the file, or by the token a gateway sends besides. */
  readonly gateway: { readonly identity: "unix" } | ({ readonly identity: "jwt" } & JwtProof);
}

interface SocketOptions {
  /** With `unix://`: id of a group that may use the socket as well (mode 0660); the gateway's operator lists it in `trusted_gids`. Default: none (0600). */
  readonly socketGroup?: number;
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
  /**
   * Memory of calls that are not whole, or whose token is not checked yet, over all connections, bytes; beyond, they are RESOURCE_EXHAUSTED. A quarter
   * of it is for callers nobody knows. Default 64 MiB, or four times `maxReviewBytes` where that is more. Transport `lean` only.
   */
  readonly maxUnfinishedBytes?: number;
  /** Longest time for a call to arrive whole; beyond, or at its own deadline where that is earlier, it is DEADLINE_EXCEEDED. Default 10 s. Transport `lean` only. */
  readonly arrivalMs?: number;
  /** How long a graceful stop waits for reviews in flight. Default 10 s. */
  readonly drainMs?: number;
  /**
   * What speaks gRPC on the wire: `lean`, our own, at a small part of the cost; `grpc-js`, the general library, which also takes compressed
   * messages. Default `lean`.
   */
  readonly transport?: "lean" | "grpc-js";
}

/** An interceptor that is being served. */
export interface RunningInterceptor extends AsyncDisposable {
  /** As in `listen`, with the port that was bound. */
  readonly address: string;
  /** 0 on a unix socket. */
  readonly port: number;
  /** What happened so far. */
  counters(): ReviewCounters;
  /**
   * Has gateways forget the verdicts they keep under any of these tags (1 to 64, each of 1 to 256 bytes; C34). Returns how many are connected
   * and were told; one that is not connected has forgotten everything since. Throws on tags that are none.
   */
  revoke(...tags: readonly string[]): number;
  /**
   * Serves another definition of the same name from now on; reviews in flight finish on the one they began with. Returns how many gateways
   * were told to describe again (C30). Throws a TypeError on another name.
   */
  update(interceptor: Interceptor): number;
  /** Health turns NOT_SERVING, no new call is taken, reviews in flight finish or are cut off after `drainMs`. */
  close(): Promise<void>;
}

/**
 * Serves an interceptor over gRPC: Describe, Review, Watch and grpc.health.v1. Certificates in files may be replaced while it runs.
 * Resolves once the port or socket is bound. Throws on options that do not fit together, on a port that cannot be bound, and on a socket
 * that something is in the way of. A socket is removed when serving ends.
 */
export async function serve(interceptor: Interceptor, options: ServeOptions): Promise<RunningInterceptor> {
  const log = options.log ?? jsonLinesLog;
  const address = listenAddress(options.listen);
  const tls = tlsOf(address, options, log);
  const { expectedAudience, keys, tokens } = tokensOf(options, log);
  const door = new Door({ clientNames: "tls" in options ? options.tls.clientNames : undefined, tokens, log });
  const { maxConcurrentReviews = 1024 } = options;
  const reviews = new ReviewService(interceptor, { log, maxConcurrentReviews, expectedAudience });
  const health = healthService();
  const watchers = new GatewayWatchers(log);
  const onFault = (error: unknown): void => log({ level: "error", message: "a call failed in the server", error });
  const methods = together(interceptorService({ reviews, watchers, onFault }), health.methods);
  const server = await serverOf(options, {
    methods,
    // all else takes the door, the watch of health too: whoever shows nothing must not hold its places
    door: (caller) => (caller.method === HEALTH_CHECK ? "stranger" : door.admission(caller)),
    tls: tls?.material,
    maxMessageBytes: options.maxReviewBytes ?? 16 * 1024 * 1024,
    // beyond the reviews, so that one too many is refused as such and health checks still pass
    maxStreams: maxConcurrentReviews + 64,
    ...(options.maxUnfinishedBytes !== undefined && { maxUnfinishedBytes: options.maxUnfinishedBytes }),
    ...(options.arrivalMs !== undefined && { arrivalMs: options.arrivalMs }),
    onFault,
  });
  const bound = await bind(server, address, socketGroupOf(address, options));
  tls?.follow((material) => server.renewTls(material));
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => {
    health.stop();
    watchers.close();
    tls?.stop();
    bound.remove();
    return (closing ??= shutDown(server, options.drainMs ?? 10_000));
  };
  if (options.signals ?? true) stopOnSignals(close, log);
  log({
    level: "info",
    message: "listening",
    interceptor: interceptor.name,
    version: interceptor.version,
    address: bound.address,
  });
  const counters = (): ReviewCounters => ({
    ...reviews.counters,
    unauthenticated: door.unauthenticated,
    keyReadFailures: keys?.failures ?? 0,
  });
  const update = (next: Interceptor): number => {
    if (next.name !== interceptor.name) throw new TypeError(`update: "${interceptor.name}" cannot become "${next.name}"`);
    reviews.update(next);
    return watchers.manifestChanged();
  };
  const revoke = (...tags: readonly string[]): number => watchers.revoke(tags);
  return { address: bound.address, port: bound.port, counters, revoke, update, close, [Symbol.asyncDispose]: close };
}

/** Undefined: without TLS. */
function tlsOf({ scheme }: ListenAddress, options: ServeOptions, log: Log): RotatingTls | undefined {
  // plain JavaScript may combine what the types keep apart; each wrong combination would serve strangers
  const given: { readonly tls?: TlsOptions; readonly gateway?: unknown; readonly allowInsecure?: boolean } = options;
  if (scheme === "grpcs" || (scheme === "unix" && given.tls !== undefined)) {
    const { tls, gateway } = options as TlsServeOptions; // checked below, property by property
    if (!IDENTITIES.includes(gateway?.identity))
      throw new TypeError(`serve: ${scheme}:// with tls takes gateway: { identity: "mtls" }, "jwt" or "mtls+jwt"`);
    if (tls === undefined) throw new TypeError("serve: grpcs:// takes tls: { caFile, certFile, keyFile }");
    return gateway.identity === "jwt" ? serverTls(tls, log) : mutualTls(tls, log);
  }
  if (scheme === "unix") {
    const { gateway } = options as UnixServeOptions; // checked by the next line
    if (gateway?.identity === "unix" || gateway?.identity === "jwt") return undefined;
    throw new TypeError('serve: unix:// without tls takes gateway: { identity: "unix" } or "jwt"');
  }
  if (given.tls !== undefined || given.gateway !== undefined) {
    throw new TypeError("serve: tls and gateway take listen: grpcs://…, not grpc://");
  }
  if (given.allowInsecure !== true)
    throw new TypeError("serve: grpc:// is neither private nor authentic: it takes allowInsecure: true");
  log({ level: "warn", message: "insecure: anyone who reaches this port can ask for reviews; use grpcs:// with certificates" });
  return undefined;
}

const IDENTITIES: readonly unknown[] = ["mtls", "jwt", "mtls+jwt"];

/** What checks the gateway's tokens, where any are asked for. */
function tokensOf(
  options: ServeOptions,
  log: Log,
): { readonly expectedAudience: string; readonly keys: GatewayKeys | undefined; readonly tokens: GatewayTokens | undefined } {
  const proof = "gateway" in options ? options.gateway : undefined;
  if (proof === undefined || proof.identity === "mtls" || proof.identity === "unix")
    return { expectedAudience: "", keys: undefined, tokens: undefined };
  const { issuer, audience, jwks } = proof;
  // an empty one would be no demand at all
  if (![issuer, audience].every((text) => typeof text === "string" && text !== "") || jwks === undefined)
    throw new TypeError("serve: a gateway known by its token takes issuer, audience and jwks");
  const keys = new GatewayKeys({ read: readJwks(jwks), log, nowMs: () => performance.now() });
  const tokens = new GatewayTokens({ issuer, audience }, { keys, wallMs: () => Date.now() });
  return { expectedAudience: audience, keys, tokens };
}

/** The general library is loaded by those who want it. */
async function serverOf({ transport = "lean" }: ServeOptions, terms: RpcServerTerms): Promise<RpcServer> {
  if (transport === "lean") return leanServer(terms);
  if (transport === "grpc-js") return (await import("./grpc-js-server.ts")).grpcJsServer(terms);
  throw new TypeError('serve: transport is "lean" or "grpc-js"');
}

const together = (one: RpcMethods, other: RpcMethods): RpcMethods => ({
  unary: new Map([...one.unary, ...other.unary]),
  streaming: new Map([...one.streaming, ...other.streaming]),
});

/** The group of a socket, which nothing else has. */
function socketGroupOf({ scheme }: ListenAddress, options: ServeOptions): number | undefined {
  const group = "socketGroup" in options ? options.socketGroup : undefined;
  if (group !== undefined && scheme !== "unix") throw new TypeError("serve: socketGroup takes listen: unix:///path");
  if (group !== undefined && (!Number.isInteger(group) || group < 0))
    throw new TypeError("serve: socketGroup is the id of a group");
  return group;
}

interface Bound {
  readonly address: string;
  readonly port: number;
  /** Takes the socket's file away; idempotent. */
  readonly remove: () => void;
}

async function bind(server: RpcServer, address: ListenAddress, socketGroup: number | undefined): Promise<Bound> {
  try {
    if (address.scheme !== "unix") {
      const { scheme, host } = address;
      const port = await listenOn(server, address);
      return { address: `${scheme}://${host}:${port}`, port, remove: () => {} };
    }
    const { path } = address;
    const remove = await listenOnSocket({ path, group: socketGroup }, (made) => server.listen({ path: made }));
    return { address: `unix://${path}`, port: 0, remove };
  } catch (error) {
    server.destroy();
    throw error;
  }
}

function listenOn(server: RpcServer, { host, port }: { readonly host: string; readonly port: number }): Promise<number> {
  return server.listen({ host: host.replace(/^\[(.*)\]$/, "$1"), port }).catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : "unknown error";
    throw new Error(`serve: cannot listen on ${host}:${port}: ${reason}`, { cause: error });
  });
}

async function shutDown(server: RpcServer, drainMs: number): Promise<void> {
  const impatient = setTimeout(() => server.destroy(), drainMs);
  await server.drain();
  clearTimeout(impatient);
}
