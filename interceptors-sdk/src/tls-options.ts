import { readFileSync } from "node:fs";
import type { Log } from "./log.ts";
import { RotatingTls } from "./rotating-tls.ts";
import type { TlsMaterial } from "./rpc-server.ts";

/** PEM texts, or the files they are in; files are read again when they change, and the next connection uses what is in them. */
export interface TlsOptions {
  /** The authorities whose client certificates are accepted; needed where the gateway shows one. */
  readonly ca?: string | Uint8Array;
  readonly caFile?: string;
  /** The interceptor's own certificate, with what leads up to its authority. */
  readonly cert?: string | Uint8Array;
  readonly certFile?: string;
  readonly key?: string | Uint8Array;
  readonly keyFile?: string;
  /**
   * DNS names or URIs, one of which a client certificate must carry as subject alternative name. Absent: every client
   * certificate of the authority is a gateway's.
   */
  readonly clientNames?: readonly string[];
}

/** TLS that asks every client for a certificate of `ca` and refuses those without. */
export function mutualTls(tls: TlsOptions, log: Log): RotatingTls {
  const ca = pem(tls.ca, tls.caFile, "ca");
  if (tls.clientNames?.length === 0) throw new TypeError("serve: an empty tls.clientNames would admit nobody; leave it out");
  return new RotatingTls({ ca, ...keyPair(tls) }, { ca: tls.caFile, cert: tls.certFile, key: tls.keyFile }, log);
}

/** TLS that asks no client for a certificate: whoever calls must prove itself otherwise. */
export function serverTls(tls: TlsOptions, log: Log): RotatingTls {
  if (tls.ca !== undefined || tls.caFile !== undefined || tls.clientNames !== undefined) {
    throw new TypeError(
      'serve: tls.ca and tls.clientNames are about client certificates: they take identity "mtls" or "mtls+jwt"',
    );
  }
  return new RotatingTls({ ca: undefined, ...keyPair(tls) }, { cert: tls.certFile, key: tls.keyFile }, log);
}

const keyPair = (tls: TlsOptions): Pick<TlsMaterial, "cert" | "key"> => ({
  cert: pem(tls.cert, tls.certFile, "cert"),
  key: pem(tls.key, tls.keyFile, "key"),
});

function pem(text: string | Uint8Array | undefined, file: string | undefined, name: "ca" | "cert" | "key"): Buffer {
  if ((text === undefined) === (file === undefined)) throw new TypeError(`serve: tls takes either ${name} or ${name}File`);
  const bytes = file === undefined ? Buffer.from(text ?? "") : readFileSync(file);
  // an empty authority would make Node fall back to the well-known ones
  if (!bytes.includes("-----BEGIN ")) throw new TypeError(`serve: tls.${name} holds no PEM text`);
  return bytes;
}
