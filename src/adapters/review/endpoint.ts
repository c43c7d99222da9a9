import { createPrivateKey, X509Certificate } from "node:crypto";
import { checkServerIdentity, createSecureContext, type PeerCertificate } from "node:tls";
import { credentials, type ChannelCredentials, type ChannelOptions } from "@grpc/grpc-js";
import { err, ok, type Result } from "../../model/result.ts";
import { isIpAddress } from "../../support/ip-address.ts";
import type { PemMaterial } from "../certificates/pem-files.ts";
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

/** The target in the client library's spelling: an address is not looked up. */
export function targetOf(endpoint: ReviewEndpoint): string {
  // the path behind an empty authority: `unix:path` could be relative
  if (endpoint.kind === "unix") return `unix://${endpoint.path}`;
  const { host, port } = endpoint;
  if (!isIpAddress(host)) return `dns:${host}:${port}`;
  return host.includes(":") ? `ipv6:[${host}]:${port}` : `ipv4:${host}:${port}`;
}

/** How a channel to an endpoint is secured. */
export interface Security {
  readonly credentials: ChannelCredentials;
  readonly options: ChannelOptions;
}

/**
 * What the peer must show and what it is shown. Under TLS both sides have certificates: without ours there is no channel. The error
 * says what is wrong with the PEM material and quotes none of it.
 */
export function securityOf(endpoint: ReviewEndpoint, pems: PemMaterial | undefined): Result<Security, string> {
  if (endpoint.kind === "grpc" || endpoint.tls === undefined)
    return ok({ credentials: credentials.createInsecure(), options: {} });
  if (pems?.pair === undefined || pems.caPem === undefined) return err("TLS needs a CA, a client certificate and its key");
  const { serverName } = endpoint.tls;
  const { certPem, keyPem } = pems.pair;
  try {
    // an empty CA would stand for every authority the system trusts, an empty key for no certificate of ours
    parseAll(pems.caPem, certPem, keyPem.reveal());
    const secureContext = createSecureContext({ ca: pems.caPem, cert: certPem, key: keyPem.reveal(), minVersion: "TLSv1.2" });
    return ok({
      credentials: credentials.createFromSecureContext(secureContext, {
        checkServerIdentity: (_host, certificate) => identityProblem(serverName, certificate),
      }),
      options: {
        "grpc.ssl_target_name_override": sniOf(serverName),
        "grpc.default_authority": authorityOf(serverName, endpoint),
      },
    });
  } catch {
    return err("CA, client certificate or key cannot be used");
  }
}

/** Throws on what is no PEM material, or does not belong together. */
function parseAll(caPem: string, certPem: string, keyPem: string): void {
  const [authority, own] = [new X509Certificate(caPem), new X509Certificate(certPem)];
  if (!authority.ca || !own.checkPrivateKey(createPrivateKey(keyPem)))
    throw new Error("no authority, or a key of another certificate");
}

/** The peer must be named by a subject alternative name; a common name is not one (RFC 9525). */
function identityProblem(serverName: string, certificate: PeerCertificate): Error | undefined {
  if (certificate.subjectaltname === undefined)
    return new Error(`the certificate has no subject alternative name; ${serverName} is expected`);
  return checkServerIdentity(serverName, certificate);
}

/** TLS allows no address as a server name (RFC 6066 section 3), and Node 26 refuses to send one. */
const sniOf = (serverName: string): string => (isIpAddress(serverName) ? "interceptor.invalid" : serverName);

function authorityOf(serverName: string, endpoint: ReviewEndpoint): string {
  const host = serverName.includes(":") ? `[${serverName}]` : serverName;
  return endpoint.kind === "unix" ? host : `${host}:${endpoint.port}`;
}
