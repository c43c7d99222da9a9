import type { ServiceAddress } from "./service-address.ts";

/** Everything a run depends on. */
export interface SuiteOptions {
  readonly address: ServiceAddress;
  /** Undefined for `grpc://` only. */
  readonly tls: ClientTls | undefined;
  /** What the service's certificate must name; by default the host of the address. */
  readonly serverName: string;
  /** Binding ids to review; empty: all that the manifest declares. */
  readonly bindings: readonly string[];
  /** What an operator would write as `config:`, JSON text by binding id. */
  readonly configs: ReadonlyMap<string, string>;
  /** Names of cases to run; empty: all. */
  readonly cases: readonly string[];
  /** The grant of time of one review, milliseconds; told to the service in Describe. */
  readonly reviewMs: number;
  /** Whether cases that take longer than ten seconds run. */
  readonly slow: boolean;
  /** The process to be stopped by the drain case; it is gone afterwards. */
  readonly pid?: number | undefined;
  /** A shell command that restarts the service, or starts it after the drain case. */
  readonly restartCommand?: string | undefined;
  /** How calls are signed; undefined: they carry no token. */
  readonly token?: TokenTerms | undefined;
}

/** PEM texts the suite shows and believes. */
export interface ClientTls {
  /** The authority of the service's certificate. */
  readonly ca: string;
  /** The suite's own certificate, as a gateway would have it; undefined where only a token is asked for. */
  readonly pair?: { readonly cert: string; readonly key: string } | undefined;
}

/** What a gateway's token says (C38), and the Ed25519 key that signs it. */
export interface TokenTerms {
  /** PKCS #8, PEM. */
  readonly privateKeyPem: string;
  readonly kid: string;
  readonly issuer: string;
  readonly audience: string;
}
