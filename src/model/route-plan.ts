import type { ErrorFormat } from "./error-format.ts";

/** What a route offers of gRPC as HTTP and JSON. Methods are named `package.Service/Method`. */
export interface TranscodePlan {
  /** Full names, at least one. */
  readonly services: readonly string[];
  /** Each takes the place of what its method is annotated with. */
  readonly rules: readonly HttpRulePlan[];
  /** How streams of messages become server-sent events, by method; the others have neither ids nor names. */
  readonly sse: readonly EventStreamPlan[];
}

/** How the messages of a method become server-sent events. Fields are dotted paths; empty: none. */
export interface EventStreamPlan {
  readonly method: string;
  /** Field of the answer: the event's id. With `resume`, or not at all. */
  readonly id: string;
  /** Field of the request: the last id a client has seen. */
  readonly resume: string;
  /** Field or `oneof` of the answer: the event's name. */
  readonly event: string;
  /** Name of the gateway's own last event; empty: there is none. */
  readonly terminal: string;
  readonly retryMs: number;
  readonly keepAliveMs: number;
}

/** How a method is called by HTTP. */
export interface HttpRulePlan {
  readonly method: string;
  /** At least one. */
  readonly calls: readonly HttpCallPlan[];
}

/** One way to call a method: a rule of `google.api.http`, without its additional ones. */
export interface HttpCallPlan {
  /** Upper case; `*`: any. */
  readonly httpMethod: string;
  /** A template such as `/v1/{name=items/*}:watch`. */
  readonly path: string;
  /** `*`: the body is the message; a name: that field of it; empty: there is no body. */
  readonly body: string;
  /** A name: that field of the answer is the body; empty: all of it. */
  readonly responseBody: string;
}

/** One route, ready to be matched. */
export interface RoutePlan {
  readonly name: string;
  readonly listeners: readonly string[];
  readonly match: RouteMatchPlan;
  /** Names of authenticators in order; the last may be `anonymous`. */
  readonly authenticate: readonly string[];
  readonly upstream: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly maxBodyBytes: number;
  readonly reviewBudgetMs: number;
  readonly streaming: "auto" | "none" | "sse" | "websocket" | "grpc";
  readonly websocket: WebSocketPlan;
  readonly warnings: boolean;
  /** What is offered of gRPC as HTTP and JSON; undefined: nothing. */
  readonly transcode: TranscodePlan | undefined;
  /** How the gateway's own errors look. */
  readonly errorFormat: ErrorFormat;
  /** What becomes of the upstream's errors. */
  readonly upstreamErrors: UpstreamErrorsPlan;
  /** Which pages of other origins may use it from a browser (C27); undefined: not the gateway's to say. */
  readonly cors: CorsPlan | undefined;
  /** Indices into `ExecutionPlan.bindings`, in execution order over all phases. */
  readonly bindings: readonly number[];
  /** Interceptors not yet described whose fail-closed bindings may match: the route answers 503 (C32). */
  readonly guardedBy: readonly string[];
}

/**
 * What a client sees of an upstream's error: `verbatim` all of it; `opaque` its status, and a body of the gateway's; `bad-gateway` that
 * there was one: 502, `upstream_error`.
 */
export type UpstreamErrorPolicy = "verbatim" | "opaque" | "bad-gateway";

/** One for each class of status. */
export interface UpstreamErrorsPlan {
  /** 400 to 499. */
  readonly client: UpstreamErrorPolicy;
  /** 500 to 599. */
  readonly server: UpstreamErrorPolicy;
}

/** What pages of other origins may do with a route (Fetch standard, CORS protocol). */
export interface CorsPlan {
  /** Origins as browsers write them, `scheme://*.name` for every name below one; or `*` alone. At least one. */
  readonly origins: readonly string[];
  /** Upper case; undefined: whichever is asked for, since the route takes any. */
  readonly methods: readonly string[] | undefined;
  /** Request headers, lower case, beyond those that need no leave; undefined: whichever are asked for. */
  readonly headers: readonly string[] | undefined;
  /** Response headers scripts may read, lower case, or `*` alone. */
  readonly expose: readonly string[];
  /** How long a browser may remember the answer to a preflight, milliseconds. */
  readonly maxAgeMs: number;
  /** Whether cookies, client certificates and the like may come along. */
  readonly credentials: boolean;
  /** Whether pages of the public internet may ask a gateway in a private network. */
  readonly privateNetwork: boolean;
}

/** What an open WebSocket may do. */
export interface WebSocketPlan {
  /** Silence in both directions. */
  readonly idleMs: number;
  /** Of one message, over all its frames, as sent. */
  readonly maxMessageBytes: number;
}

/** The condition of a route. */
export interface RouteMatchPlan {
  /** Lower case; `*.example.org` matches one or more labels in front; empty means any. */
  readonly hosts: readonly string[];
  /** Path pattern in source form. */
  readonly path: string;
  /** Empty means any. */
  readonly methods: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
}
