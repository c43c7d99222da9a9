import type { Result } from "../../model/result.ts";
import type { AddressSet } from "../../support/cidr.ts";

/** A door for clients. */
export interface ListenerSettings {
  readonly name: string;
  readonly address: ListeningAddress;
  /** Undefined: plain HTTP. */
  readonly tls?: ListenerTls | undefined;
  readonly limits: ListenerLimits;
  /** What is spoken; `http2` with TLS only, `h2c` without. Default: HTTP/1.1. */
  readonly protocols?: readonly ListenerProtocol[];
  /** What reads HTTP/1.1 requests and writes responses. Default: `node`. */
  readonly codec?: ListenerCodec;
  /** Peers that say with the PROXY protocol whom they bring: they must, and nobody else comes in. Undefined: nobody says it. */
  readonly proxiesFrom?: AddressSet | undefined;
}

/** Where a listener listens: a TCP port, 0 to let the system choose, or the path of a unix socket and who may connect to it. */
export type ListeningAddress =
  { readonly host: string; readonly port: number } | { readonly path: string; readonly mode: number };

/** What is spoken on a connection: HTTP/2 over TLS by ALPN, `h2c` over plain TCP by prior knowledge. */
export type ListenerProtocol = "http1" | "http2" | "h2c";

/** Node's own HTTP server, or our parser; both keep one suite of tests, `node` is the reference. */
export type ListenerCodec = "node" | "sallyport";

/** How a listener identifies itself, and whether clients must. */
export interface ListenerTls {
  readonly clientCert: "none" | "optional" | "required";
  /** Reads the certificate files as they are now; the error says which cannot be read. */
  readPem(): Promise<Result<ListenerPem>>;
}

/** PEM texts of one listener. */
export interface ListenerPem extends PemPair {
  /** Further certificates, shown to clients that ask for a name of theirs. */
  readonly further?: readonly PemPair[];
  /** Authorities client certificates are accepted from; undefined where none are asked for. */
  readonly clientCa: string | undefined;
}

/** A certificate and its key. */
export interface PemPair {
  /** Leaf first, then its chain. */
  readonly cert: string;
  readonly key: string;
}

/** Ceilings on what clients send. */
export interface ListenerLimits {
  readonly maxHeaderBytes: number;
  readonly maxHeaders: number;
  readonly maxUriBytes: number;
  readonly headerTimeoutMs: number;
  readonly bodyIdleMs: number;
  readonly idleMs: number;
  readonly maxConnections: number;
}
