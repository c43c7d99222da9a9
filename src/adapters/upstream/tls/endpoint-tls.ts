import { checkServerIdentity, createSecureContext, type PeerCertificate, type SecureContext } from "node:tls";
import { err, ok, type Result } from "../../../model/result.ts";
import { isIpAddress } from "../../../support/ip-address.ts";
import type { PemMaterial } from "../../certificates/pem-files.ts";
import { otherName } from "../../review/refusal-reason.ts";

/** How an endpoint proves who it is, and what it is shown. */
export interface EndpointTls {
  readonly secureContext: SecureContext;
  /** Sent as SNI; empty: none is, for TLS knows no addresses there (RFC 6066 section 3). */
  readonly sni: string;
  /** Undefined where the certificate names the endpoint; else why not. */
  readonly checkServerIdentity: (host: string, certificate: PeerCertificate) => Error | undefined;
}

/** The authorities and our certificate, ready for use by every endpoint of an upstream. Errs, quoting nothing, where they do not fit together. */
export function upstreamContext(pems: PemMaterial): Result<SecureContext, string> {
  const own = pems.pair === undefined ? {} : { cert: pems.pair.certPem, key: pems.pair.keyPem.reveal() };
  try {
    // without authorities of its own those that Node trusts count
    return ok(createSecureContext({ ...own, ...(pems.caPem === undefined ? {} : { ca: pems.caPem }), minVersion: "TLSv1.2" }));
  } catch {
    return err("CA, client certificate or key cannot be used");
  }
}

/** The same for one endpoint, which must show a certificate for `name`: a subject alternative name, never a common name (RFC 9525). */
export function endpointTls(secureContext: SecureContext, name: string): EndpointTls {
  return {
    secureContext,
    sni: isIpAddress(name) ? "" : name,
    checkServerIdentity: (_host, certificate) => {
      const isNamed = certificate.subjectaltname !== undefined && checkServerIdentity(name, certificate) === undefined;
      return isNamed ? undefined : new Error(otherName(name, certificate));
    },
  };
}
