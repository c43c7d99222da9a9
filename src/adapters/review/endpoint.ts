import { createPrivateKey, X509Certificate } from "node:crypto";
import { checkServerIdentity, createSecureContext, type PeerCertificate, type SecureContext } from "node:tls";
import { err, ok, type Result } from "../../model/result.ts";
import { isIpAddress } from "../../support/ip-address.ts";
import type { PemMaterial } from "../certificates/pem-files.ts";
import { otherName, refusalReason } from "./refusal-reason.ts";
import type { UnixTrust } from "./unix/unix-guard.ts";

/** Where a service listens, and how it is trusted. */
export type ReviewEndpoint =
  /** Mutual TLS. */
  | { readonly kind: "grpcs"; readonly host: string; readonly port: number; readonly tls: { readonly serverName: string } }
  /** No TLS; allowed by the operator only. */
  | { readonly kind: "grpc"; readonly host: string; readonly port: number }
  /** A socket of this machine, trusted by its owners and its peer's user; mutual TLS over it where `tls` says so (C39). */
  | {
      readonly kind: "unix";
      readonly path: string;
      readonly tls: { readonly serverName: string } | undefined;
      readonly trust: UnixTrust;
    };

/** How a channel to an endpoint is secured. */
export interface Security {
  /** Undefined: no TLS. */
  readonly tls: TlsTerms | undefined;
  /** How the service is called on the wire. */
  readonly authority: string;
  /** When our certificate ends, epoch milliseconds; undefined where none is shown. */
  readonly ownEndsMs: number | undefined;
}

/** What TLS takes and asks for. */
export interface TlsTerms {
  readonly secureContext: SecureContext;
  /** Sent as SNI. */
  readonly serverName: string;
  /** What is wrong with the peer, as a fragment for the log. */
  readonly describe: (error: Error) => string;
  /** Undefined where the peer's certificate names the service; else why not. */
  readonly checkServerIdentity: (host: string, certificate: PeerCertificate) => Error | undefined;
}

/**
 * What the peer must show and what it is shown. Under TLS both sides have certificates: without ours there is no channel. The error
 * says what is wrong with the PEM material and quotes none of it.
 */
export function securityOf(endpoint: ReviewEndpoint, pems: PemMaterial | undefined): Result<Security, string> {
  if (endpoint.kind === "grpc" || endpoint.tls === undefined)
    return ok({ tls: undefined, authority: authorityOf(plainName(endpoint), endpoint), ownEndsMs: undefined });
  if (pems?.pair === undefined || pems.caPem === undefined) return err("TLS needs a CA, a client certificate and its key");
  const { serverName } = endpoint.tls;
  const { certPem, keyPem } = pems.pair;
  try {
    // an empty CA would stand for every authority the system trusts, an empty key for no certificate of ours
    const ownEndsMs = parseAll(pems.caPem, certPem, keyPem.reveal());
    const secureContext = createSecureContext({ ca: pems.caPem, cert: certPem, key: keyPem.reveal(), minVersion: "TLSv1.2" });
    return ok({
      tls: {
        secureContext,
        serverName: sniOf(serverName),
        describe: refusalReason,
        checkServerIdentity: (_host, certificate) => identityProblem(serverName, certificate),
      },
      authority: authorityOf(serverName, endpoint),
      ownEndsMs,
    });
  } catch {
    return err("CA, client certificate or key cannot be used");
  }
}

/** When our certificate ends. Throws on what is no PEM material, or does not belong together. */
function parseAll(caPem: string, certPem: string, keyPem: string): number {
  const [authority, own] = [new X509Certificate(caPem), new X509Certificate(certPem)];
  if (!authority.ca || !own.checkPrivateKey(createPrivateKey(keyPem)))
    throw new Error("no authority, or a key of another certificate");
  return own.validToDate.getTime();
}

/** The peer must be named by a subject alternative name; a common name is not one (RFC 9525). */
function identityProblem(serverName: string, certificate: PeerCertificate): Error | undefined {
  const isNamed = certificate.subjectaltname !== undefined && checkServerIdentity(serverName, certificate) === undefined;
  return isNamed ? undefined : new Error(otherName(serverName, certificate));
}

/** TLS allows no address as a server name (RFC 6066 section 3), and Node 26 refuses to send one. */
const sniOf = (serverName: string): string => (isIpAddress(serverName) ? "interceptor.invalid" : serverName);

function authorityOf(serverName: string, endpoint: ReviewEndpoint): string {
  const host = serverName.includes(":") ? `[${serverName}]` : serverName;
  return endpoint.kind === "unix" ? host : `${host}:${endpoint.port}`;
}

/** Without TLS nobody looks for a name; gRPC calls a socket localhost. */
const plainName = (endpoint: ReviewEndpoint): string => (endpoint.kind === "unix" ? "localhost" : endpoint.host);
