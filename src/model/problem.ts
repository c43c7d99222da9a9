/** Whose fault an error is; the log level follows it (client: info, upstream and interceptor: warn, gateway: error). */
export type ProblemSource = "client" | "interceptor" | "upstream" | "gateway";

/** One kind of error a client can meet. */
export interface ProblemType {
  readonly status: number;
  readonly title: string;
  readonly source: ProblemSource;
  /** Whether sending the same request again later may succeed. */
  readonly retryable: boolean;
}

/** Every error a client can meet. The key is the stable `code` of the problem body (RFC 9457); the table is also the documentation. */
export const PROBLEMS = {
  bad_request: { status: 400, title: "Bad request", source: "client", retryable: false },
  body_malformed: { status: 400, title: "Request body cannot be read", source: "client", retryable: false },
  credential_missing: { status: 401, title: "Credential required", source: "client", retryable: false },
  credential_invalid: { status: 401, title: "Credential not accepted", source: "client", retryable: false },
  forbidden: { status: 403, title: "Forbidden", source: "client", retryable: false },
  review_denied: { status: 403, title: "Denied by interceptor", source: "client", retryable: false },
  route_not_found: { status: 404, title: "No such route", source: "client", retryable: false },
  method_not_allowed: { status: 405, title: "Method not allowed", source: "client", retryable: false },
  request_timeout: { status: 408, title: "Request took too long to arrive", source: "client", retryable: true },
  body_too_large: { status: 413, title: "Request body too large", source: "client", retryable: false },
  uri_too_long: { status: 414, title: "Request target too long", source: "client", retryable: false },
  body_unsupported: { status: 415, title: "Request body in an unsupported form", source: "client", retryable: false },
  expectation_failed: { status: 417, title: "Expectation not supported", source: "client", retryable: false },
  misdirected_request: { status: 421, title: "Misdirected request", source: "client", retryable: false },
  headers_too_large: { status: 431, title: "Request headers too large", source: "client", retryable: false },
  client_closed: { status: 499, title: "Client closed the connection", source: "client", retryable: false },
  internal: { status: 500, title: "Internal error", source: "gateway", retryable: false },
  upgrade_unsupported: { status: 501, title: "Protocol not supported here", source: "client", retryable: false },
  interceptor_invalid_verdict: { status: 502, title: "Interceptor answered invalidly", source: "interceptor", retryable: false },
  response_unreviewable: { status: 502, title: "Response cannot be reviewed", source: "upstream", retryable: false },
  upstream_unreachable: { status: 502, title: "Upstream unreachable", source: "upstream", retryable: true },
  upstream_invalid_response: { status: 502, title: "Upstream answered invalidly", source: "upstream", retryable: false },
  upstream_error: { status: 502, title: "Upstream failed", source: "upstream", retryable: false },
  gateway_overloaded: { status: 503, title: "Gateway overloaded", source: "gateway", retryable: true },
  interceptor_unavailable: { status: 503, title: "Required interceptor unavailable", source: "interceptor", retryable: true },
  interceptor_overloaded: { status: 503, title: "Required interceptor overloaded", source: "interceptor", retryable: true },
  upstream_overloaded: { status: 503, title: "Upstream overloaded", source: "upstream", retryable: true },
  interceptor_timeout: { status: 504, title: "Required interceptor timed out", source: "interceptor", retryable: true },
  upstream_timeout: { status: 504, title: "Upstream timed out", source: "upstream", retryable: true },
} as const satisfies Record<string, ProblemType>;

/** Stable name of an error on the wire. */
export type ProblemCode = keyof typeof PROBLEMS;

/** An exchange ended without an answer of the upstream: which problem, and what may be said of it. */
export interface Refusal {
  readonly problem: ProblemCode;
  /** Public and actionable, a full sentence. For 5xx it says nothing internal. */
  readonly detail: string;
  /** Overrides the row's status: a denial's own, or 502 where C17 says so. */
  readonly status?: number;
  /** Overrides the row's bit. */
  readonly retryable?: boolean;
  /** Overrides the public `code`: a denial's own (C9); never a key of PROBLEMS. */
  readonly code?: string;
  /** Extra response headers, lower-case names, already checked. */
  readonly headers?: readonly (readonly [name: string, value: string])[];
  /** What a gRPC client is told, 1 to 16; left out: what follows from the status (C16). */
  readonly grpcStatus?: number;
  /** JSON text carried as the problem's `body` member (C9). */
  readonly bodyJson?: string;
  /** For the log only. */
  readonly cause?: unknown;
}
