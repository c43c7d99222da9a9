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
  /** Room for what is held of its answer; there whenever the upstream says that it holds something (`holds`). */
  readonly room?: MessageRoom | undefined;
  /** What it has in common with requests that should meet the same endpoint; undefined where nothing is asked for. */
  readonly affinity?: string | undefined;
}

/** Room in this process for one message that is held whole (C24). Given back with the exchange at the latest. */
export interface MessageRoom {
  /** Makes room for that many bytes in all; false when there is none. */
  reach(bytes: number): boolean;
  /** Gives back what is above that many bytes. */
  shrink(bytes: number): void;
}

/** What an upstream cannot pass on as it comes. */
export interface Holding {
  /** Of a request body: it has to be at hand as bytes when the upstream is asked. More is refused. */
  readonly maxBytes: number;
  /** A place among the upstream's requests while that body is read; given back by calling what it is, right before the upstream is asked. Else why there is none. */
  readonly reserve: () => Result<() => void, UpstreamFailure>;
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
    | "gateway_overloaded"
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
  /** Whether this request has to be held. Absent, or undefined: it streams. */
  holds?(request: UpstreamRequest): Holding | undefined;
  /** A place among its requests for one that is not sent yet: see `Holding`. Absent: it does not count them. */
  reserve?: Holding["reserve"];
}
