import type { CertificateFiles } from "./certificate-files.ts";
import type { ErrorFormat } from "../model/error-format.ts";
import type { PathPattern } from "../model/path-pattern.ts";
import type { CredentialSlot, OwnCredentialSlot } from "../model/credential-slot.ts";
import type { BindingPlan } from "../model/plan.ts";
import type { CorsPlan, TranscodePlan, UpstreamErrorsPlan } from "../model/route-plan.ts";
import type { HashBy, HealthPlan, OutlierPlan, ResponseFallback, RetryPlan, UpstreamPlan } from "../model/upstream-plan.ts";
import type { Secret } from "../model/secret.ts";
import type { InterceptorConfig } from "./interceptor-config.ts";

/**
 * The whole configuration: parsed, defaulted, cross-checked and deeply frozen. Durations are milliseconds, sizes bytes,
 * `*File` an absolute path or one relative to the working directory. Lists keep the order of the file. Where an absent list
 * means "all", the property is absent too; an empty list is never "all" by accident, unless its comment says so.
 */
export interface GatewayConfig {
  readonly version: 1;
  /** Gateways the operator runs, this one included. */
  readonly replicas: number;
  /** Processes that serve requests, 1 to 64; `auto`: one for each core of the machine (C37). */
  readonly workers: number | "auto";
  readonly listeners: readonly ListenerConfig[];
  readonly admin: AdminConfig;
  /** Undefined: health, ready and metrics are served by the admin listener. */
  readonly status: { readonly address: ListenAddress } | undefined;
  readonly gatewayIdentity: GatewayIdentityConfig;
  readonly trustedProxies: TrustedProxiesConfig;
  /** Further names never shown in views, logs and records, lower-case headers, exact query names. */
  readonly secrets: { readonly headers: readonly string[]; readonly query: readonly string[] };
  readonly log: { readonly level: "debug" | "info" | "warn" | "error"; readonly reviews: "none" | "failures" | "all" };
  readonly drainMs: number;
  /** Between not ready and the end of listening, at shutdown. */
  readonly drainDelayMs: number;
  readonly overload: OverloadConfig;
  /** Of all bodies held for review or transcoding at once, in the whole process (C24). */
  readonly maxCapturedBytes: number;
  /** Pointer of each: `/upstreams/<name>`. */
  readonly upstreams: readonly UpstreamConfig[];
  /** Pointer of each: `/authenticators/<name>`. `anonymous` is built in and not listed. */
  readonly authenticators: readonly AuthenticatorConfig[];
  readonly routes: readonly RouteConfig[];
  readonly interceptors: readonly InterceptorConfig[];
  readonly require: readonly RequireConfig[];
}

/** Where to listen. */
export interface ListenAddress {
  /** IPv6 without brackets. */
  readonly host: string;
  /** 0: the system chooses. */
  readonly port: number;
}

/** Where a listener listens: a TCP address, or the path of a unix socket and the mode of its file. */
export type ListenerAddressConfig = ListenAddress | { readonly path: string; readonly mode: number };

/** A door for clients. */
export interface ListenerConfig {
  readonly name: string;
  readonly address: ListenerAddressConfig;
  /** At least one, each once: `http2` only with `tls`, `h2c` only without. */
  readonly protocols: readonly ("http1" | "http2" | "h2c")[];
  /** Whether trusted proxies, and nobody else, connect and say whom they bring. */
  readonly proxyProtocol: boolean;
  /** Undefined: plain HTTP. */
  readonly tls: ListenerTlsConfig | undefined;
  /** What is answered here besides routes. */
  readonly serves: readonly "jwks"[];
  /** What reads requests and writes responses: Node's own HTTP server, or our parser. */
  readonly codec: "node" | "sallyport";
  readonly limits: ListenerLimits;
}

export interface ListenerTlsConfig {
  /** At least one; the first is shown to whoever asks for no name that any is made out to. */
  readonly certs: readonly CertificateFiles[];
  /** Present unless `clientCert` is `none`. */
  readonly clientCaFile: string | undefined;
  readonly clientCert: "none" | "optional" | "required";
}

/** Ceilings of one listener on what clients send. */
export interface ListenerLimits {
  readonly maxHeaderBytes: number;
  readonly maxHeaders: number;
  readonly maxUriBytes: number;
  readonly headerTimeoutMs: number;
  readonly bodyIdleMs: number;
  readonly idleMs: number;
  readonly maxConnections: number;
  /** Exchanges under way. */
  readonly maxRequests: number;
}

/** Beyond which requests are shed (R12). */
export interface OverloadConfig {
  /** Exchanges under way in the whole gateway. */
  readonly maxRequests: number;
  /** How long the event loop may keep things waiting. */
  readonly loopDelayMs: number;
  /** Of the heap the process may have at most, 0 to 1; 1: never looked at. */
  readonly heapShare: number;
}

export interface AdminConfig {
  readonly address: ListenAddress;
  /** Not read here: the admin listener makes the token when the file is missing. */
  readonly tokenFile: string;
}

export interface TrustedProxiesConfig {
  /** IPv4 and IPv6 ranges whose forwarded headers are believed. Empty: none. */
  readonly cidrs: readonly string[];
  readonly headers: "x-forwarded" | "forwarded" | "none";
}

/** Who the gateway is to interceptors (C38). */
export interface GatewayIdentityConfig {
  readonly id: string;
  /** PEM files; the first signs. Not read here. Empty: the gateway makes its own. */
  readonly signingKeyFiles: readonly string[];
  readonly tokenLifetimeMs: number;
}

/** `http`: HTTP/1.1; `http2`; `grpc`: HTTP/2 with nothing but gRPC on it. */
export type UpstreamProtocol = "http" | "http2" | "grpc";

/** Where requests go. */
export interface UpstreamConfig {
  readonly name: string;
  readonly protocol: UpstreamProtocol;
  /** At least one, no two alike. */
  readonly endpoints: readonly UpstreamEndpoint[];
  readonly balance: UpstreamPlan["balance"];
  /** Present with `balance` `hash` only. */
  readonly hashBy: HashBy | undefined;
  readonly timeouts: UpstreamTimeouts;
  readonly maxRequests: number;
  readonly breaker: OutlierPlan;
  /** Undefined: no checks of their own. */
  readonly health: HealthPlan | undefined;
  readonly retry: RetryPlan;
  /** Present where an endpoint is `https`; then all are. */
  readonly tls: UpstreamTlsConfig | undefined;
  readonly dns: { readonly refreshMs: number; readonly timeoutMs: number };
  /** Names of the upstreams asked in its place, in order. */
  readonly fallback: readonly string[];
  readonly fallbackOn: readonly ResponseFallback[];
  /** Base64 of a `google.protobuf.FileDescriptorSet`; undefined: none. */
  readonly descriptorSet: string | undefined;
  readonly credential: UpstreamCredential | undefined;
}

/** How an upstream is known over TLS. */
export interface UpstreamTlsConfig {
  /** Undefined: the authorities Node trusts. */
  readonly caFile: string | undefined;
  /** What the gateway shows; undefined: nothing. */
  readonly pair: CertificateFiles | undefined;
  /** Undefined: each endpoint's host. */
  readonly serverName: string | undefined;
}

/** One `http://host:port` or `https://host:port`. */
export interface UpstreamEndpoint {
  /** Origin without a trailing slash. */
  readonly url: string;
  /** IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
  /** At least 1. */
  readonly weight: number;
  /** Lower ones come first. */
  readonly priority: number;
}

export interface UpstreamTimeouts {
  readonly connectMs: number;
  readonly firstByteMs: number;
  readonly idleMs: number;
  /** Undefined: none. */
  readonly totalMs: number | undefined;
}

/** The gateway's own credential, set at the last moment. */
export interface UpstreamCredential {
  readonly slot: OwnCredentialSlot;
  /** Slots the upstream's kind may read besides: emptied, whatever the client put there. */
  readonly emptied: readonly CredentialSlot[];
  readonly secret: Secret;
}

export type AuthenticatorConfig = StaticTokenConfig | ApiKeyConfig;

/** One token, one principal. */
export interface StaticTokenConfig {
  readonly type: "static-token";
  readonly name: string;
  /** At least one. */
  readonly slots: readonly CredentialSlot[];
  readonly token: Secret;
  readonly principal: PrincipalConfig;
}

/** Api keys from a file, each known by its hash. */
export interface ApiKeyConfig {
  readonly type: "api-key";
  readonly name: string;
  /** At least one. */
  readonly slots: readonly CredentialSlot[];
  readonly apiKeys: readonly ApiKeyRecord[];
}

export interface ApiKeyRecord {
  /** Names the api key in logs; unique in its file. */
  readonly id: string;
  /** Lower-case hex SHA-256 of the api key's text. */
  readonly sha256: string;
  readonly principal: PrincipalConfig;
  /** Wall-clock epoch milliseconds; undefined: never. */
  readonly expiresAtMs: number | undefined;
}

export interface PrincipalConfig {
  readonly id: string;
  readonly tenants: readonly string[];
  readonly scopes: readonly string[];
}

/** Match, who may come, where to. */
export interface RouteConfig {
  readonly name: string;
  /** Names, at least one; all listeners when the file names none. */
  readonly listeners: readonly string[];
  readonly match: RouteMatchConfig;
  /** Names of authenticators in order, at least one; the last may be `anonymous`. */
  readonly authenticate: readonly string[];
  readonly upstream: string;
  /** Shown as `route.labels`. */
  readonly labels: Readonly<Record<string, string>>;
  readonly errorFormat: ErrorFormat;
  readonly upstreamErrors: UpstreamErrorsPlan;
  /** Undefined: CORS is between browser and upstream. */
  readonly cors: CorsPlan | undefined;
  readonly maxBodyBytes: number;
  readonly streaming: "auto" | "none" | "sse" | "websocket" | "grpc";
  readonly websocket: { readonly idleMs: number; readonly maxMessageBytes: number };
  readonly warnings: boolean;
  /** What is offered of gRPC as HTTP and JSON; undefined: nothing. */
  readonly transcode: TranscodePlan | undefined;
  /** The route's own, else the top-level one. */
  readonly reviewBudgetMs: number;
}

export interface RouteMatchConfig {
  /** Lower case; `*.example.org` or exact. Empty: any. */
  readonly hosts: readonly string[];
  readonly path: PathPattern;
  /** Upper case. Empty: any. GET includes HEAD (C26). */
  readonly methods: readonly string[];
  /** Lower-case name to exact value. */
  readonly headers: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
}

/** A claim that some route is reviewed (C31). */
export interface RequireConfig {
  /** Names, at least one; all routes when the file names none. */
  readonly routes: readonly string[];
  readonly phase: BindingPlan["phase"];
  readonly interceptor: string;
  /** Undefined: any binding of the interceptor at that phase. */
  readonly binding: string | undefined;
  /** Upper case. Empty: every method the route takes. */
  readonly methods: readonly string[];
  readonly accept: readonly ("when" | "fail-open" | "skip")[];
}
