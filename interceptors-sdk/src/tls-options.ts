import { readFileSync } from "node:fs";
import { ServerCredentials } from "@grpc/grpc-js";

/** PEM texts, or the files they are in; files are read once, when serving begins. */
export interface TlsOptions {
  /** The authorities whose client certificates are accepted. */
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

/** Credentials that ask every client for a certificate of `ca` and refuse those without. */
export function serverCredentials(tls: TlsOptions): ServerCredentials {
  const ca = pem(tls.ca, tls.caFile, "ca");
  const pair = { private_key: pem(tls.key, tls.keyFile, "key"), cert_chain: pem(tls.cert, tls.certFile, "cert") };
  if (tls.clientNames?.length === 0) throw new TypeError("serve: an empty tls.clientNames would admit nobody; leave it out");
  return ServerCredentials.createSsl(ca, [pair], true);
}

function pem(text: string | Uint8Array | undefined, file: string | undefined, name: "ca" | "cert" | "key"): Buffer {
  if ((text === undefined) === (file === undefined)) throw new TypeError(`serve: tls takes either ${name} or ${name}File`);
  const bytes = file === undefined ? Buffer.from(text ?? "") : readFileSync(file);
  // an empty authority would make Node fall back to the well-known ones
  if (!bytes.includes("-----BEGIN ")) throw new TypeError(`serve: tls.${name} holds no PEM text`);
  return bytes;
}
