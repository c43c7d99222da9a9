import { createPrivateKey, X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import {
  checkServerIdentity,
  type ConnectionOptions,
  createSecureContext,
  type PeerCertificate,
  type SecureContext,
} from "node:tls";
import type { ClientTls, SuiteOptions } from "./suite-options.ts";

/** Throws, with a reason, unless the texts are certificates and a key that belong together: TLS alone would find out late. */
export function checkMaterial({ ca, pair }: ClientTls): void {
  // an authority that is none would stand for every authority the system trusts
  const authority = parsed(ca, "--ca");
  if (!authority.ca) throw new Error("--ca is the certificate of no authority");
  if (pair !== undefined && !parsed(pair.cert, "--cert").checkPrivateKey(createPrivateKey(pair.key))) {
    throw new Error("--key belongs to another certificate than --cert");
  }
}

function parsed(pem: string, flag: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (error) {
    throw new Error(`${flag} holds no certificate`, { cause: error });
  }
}

/** TLS as a gateway does it: 1.2 or later, own authority, own certificate. */
export function secureContext({ ca, pair }: ClientTls): SecureContext {
  return createSecureContext({ ca, ...(pair && { cert: pair.cert, key: pair.key }), minVersion: "TLSv1.2" });
}

/** Options of a TLS socket to the service; undefined for `grpc://`. */
export function tlsSocketOptions({ address, tls, serverName }: SuiteOptions): ConnectionOptions | undefined {
  if (tls === undefined) return undefined;
  return {
    host: address.host,
    port: address.port,
    secureContext: secureContext(tls),
    ALPNProtocols: ["h2"],
    // an address is not sent as a server name (RFC 6066 section 3)
    ...(isIP(serverName) === 0 && { servername: serverName }),
    checkServerIdentity: (_host, certificate) => identityProblem(serverName, certificate),
  };
}

/** The service must be named by a subject alternative name; a common name is not one (RFC 9525). */
export function identityProblem(serverName: string, certificate: PeerCertificate): Error | undefined {
  if (certificate.subjectaltname === undefined) return new Error("the service's certificate has no subject alternative name");
  return checkServerIdentity(serverName, certificate);
}
