import type { Body } from "./byte-stream.ts";
import type { ConnectCall } from "./connect.ts";
import type { HeaderLines } from "./header-lines.ts";
import type { Principal } from "./principal.ts";
import type { Tunnel } from "./tunnel.ts";

/** Method, address and header lines of a request, as patched so far (C25). */
export interface RequestHead {
  readonly method: string;
  readonly scheme: "http" | "https";
  /** Lower case, with the port where one was sent. */
  readonly host: string;
  /** Normalised, still percent-encoded: what is matched, shown, logged and forwarded. */
  readonly path: string;
  /** Raw text behind `?`; undefined without a `?`. */
  readonly query: string | undefined;
  readonly headers: HeaderLines;
  /**
   * Members of Sec-WebSocket-Protocol that stand in a credential slot of the plan, as offered. They are not in `headers`, so that nobody is
   * shown them and no upstream may choose one (C23); authenticators read them.
   */
  readonly credentialSubprotocols?: readonly string[];
}

/** Ids that follow an exchange through logs, interceptors and upstreams. */
export interface TraceIds {
  /** 128 characters at most, visible ASCII without comma. */
  readonly requestId: string;
  readonly correlationId: string;
  /** W3C trace id, 32 hex digits. */
  readonly traceId: string;
  /** W3C `traceparent` sent on. */
  readonly traceparent: string;
}

/** The client's end of the connection, behind trusted proxies. */
export interface Client {
  readonly address: string;
  readonly tlsSubject: string;
}

/** A response on its way to the client. */
export interface Response {
  readonly status: number;
  readonly headers: HeaderLines;
  readonly body: Body;
  /** Of a 101 only: the connection changed its protocol (C26). */
  readonly tunnel?: Tunnel;
  /** It says how a gRPC call failed, in the words of Connect: what the service said to its caller, whatever the status is. */
  readonly isCallError?: boolean;
}

/** One request and what is known of it so far. A value: each stage gives the next one. */
export interface Exchange {
  readonly ids: TraceIds;
  readonly listener: string;
  /** By method and content type (C26); `websocket`: a handshake, on a route that lets it through. */
  readonly protocol: "http" | "grpc" | "grpc-web" | "websocket";
  /** Calls of Connect, which are `http` (C26). */
  readonly connect?: ConnectCall | undefined;
  readonly client: Client;
  readonly head: RequestHead;
  readonly body: Body;
  readonly principal: Principal;
  /** Verified tenant id; empty without one. */
  readonly tenant: string;
  readonly labels: ReadonlyMap<string, string>;
  /** Present from the upstream's answer on. */
  readonly response: Response | undefined;
}
