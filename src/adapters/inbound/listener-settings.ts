import type { Result } from "../../model/result.ts";

/** A door for clients. */
export interface ListenerSettings {
  readonly name: string;
  /** Port 0: the system chooses. */
  readonly address: { readonly host: string; readonly port: number };
  /** Undefined: plain HTTP. */
  readonly tls?: ListenerTls | undefined;
  readonly limits: ListenerLimits;
  /** What reads requests and writes responses. Default: `node`. */
  readonly codec?: ListenerCodec;
}

/** Node's own HTTP server, or our parser; both keep one suite of tests, `node` is the reference. */
export type ListenerCodec = "node" | "sallyport";

/** How a listener identifies itself, and whether clients must. */
export interface ListenerTls {
  readonly clientCert: "none" | "optional" | "required";
  /** Reads the certificate files as they are now; the error says which cannot be read. */
  readPem(): Promise<Result<ListenerPem>>;
}

/** PEM texts of one listener. */
export interface ListenerPem {
  /** Leaf first, then its chain. */
  readonly cert: string;
  readonly key: string;
  /** Authorities client certificates are accepted from; undefined where none are asked for. */
  readonly clientCa: string | undefined;
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
