import type { Body } from "../model/byte-stream.ts";
import type { Cancel } from "../model/cancel.ts";
import type { Response } from "../model/exchange.ts";
import type { HeaderLines } from "../model/header-lines.ts";
import type { ProblemCode } from "../model/problem.ts";
import type { Result } from "../model/result.ts";

/** A request as it leaves: hop-by-hop fields gone, host, identity and forwarded fields set; framing is the adapter's. */
export interface UpstreamRequest {
  readonly method: string;
  /** Path and query, origin form. */
  readonly requestTarget: string;
  readonly headers: HeaderLines;
  readonly body: Body;
  /** Whether a field behind the body may go on, by its lower-case name (C26). Absent: none may. */
  readonly passesTrailer?: (name: string) => boolean;
  /** When all of the response has to be here, on the monotonic clock. Absent: the upstream's own timeouts alone. */
  readonly deadlineMs?: number;
  /** Asks for this protocol, which is the adapter's to say on the wire; then a 101 with a `tunnel` may be the response. Never with a body. */
  readonly upgrade?: "websocket";
  /** What it has in common with requests that should meet the same endpoint; undefined where nothing is asked for. */
  readonly affinity?: string | undefined;
}

/** Why there is no response: the public problem, and the cause for the log. */
export interface UpstreamFailure {
  readonly problem: Extract<
    ProblemCode,
    | "upstream_unreachable"
    | "upstream_timeout"
    | "upstream_invalid_response"
    | "upstream_overloaded"
    | "request_timeout"
    | "bad_request"
    | "body_unsupported"
    | "body_too_large"
    | "route_not_found"
    | "upgrade_unsupported"
  >;
  readonly cause: string;
  /** Another upstream may be asked the same: nothing of the request was sent, or doing it twice does no harm and its body is at hand. */
  readonly mayBeSentElsewhere?: boolean;
  /** Public, a full sentence, where there is more to say than the problem does. */
  readonly detail?: string;
}

/** A named upstream with its pool of connections. Lives longer than a plan. */
export interface Upstream extends AsyncDisposable {
  /** Sends once. Resolves at the response head; its body streams with backpressure. Never rejects. Cancelling closes the connection. */
  send(request: UpstreamRequest, cancel: Cancel): Promise<Result<Response, UpstreamFailure>>;
}
