import { createSecureContext, type SecureContext, type SecureContextOptions, type TLSSocket } from "node:tls";
import { err, ok, type Result } from "../../model/result.ts";
import { CertificateNames } from "./certificate-names.ts";
import type { ListenerPem, PemPair } from "./listener-settings.ts";

/** How a TLS listener identifies itself. */
export interface SecureContexts {
  /** Certificate, key, authorities, the oldest version spoken: for clients that ask for no name, or for one nobody has. */
  readonly options: SecureContextOptions;
  /** Undefined with a single certificate, which everybody is shown. */
  readonly named: CertificateNames | undefined;
}

/** What a TLS server is given. Errs where it does not fit together, such as a half-written file. */
export function secureContextsOf(pem: ListenerPem): Result<SecureContexts> {
  try {
    const options = optionsOf(pem, pem.clientCa);
    const first = createSecureContext(options);
    if (pem.further === undefined || pem.further.length === 0) return ok({ options, named: undefined });
    const named = new CertificateNames();
    named.add(pem.cert, first);
    for (const pair of pem.further) named.add(pair.cert, contextOf(pair, pem.clientCa));
    return ok({ options, named });
  } catch (error) {
    return err(error instanceof Error ? error.message : "the certificate cannot be used");
  }
}

const contextOf = (pair: PemPair, clientCa: string | undefined): SecureContext => createSecureContext(optionsOf(pair, clientCa));

const optionsOf = ({ cert, key }: PemPair, clientCa: string | undefined): SecureContextOptions => ({
  cert,
  key,
  minVersion: "TLSv1.2",
  ...(clientCa === undefined ? {} : { ca: clientCa }),
});

/** Subject of the client's verified certificate on one line, empty without one; undefined: it showed one nobody vouches for, and must go. */
export function verifiedSubject(socket: TLSSocket): string | undefined {
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return "";
  return socket.authorized ? certificate.subject.replaceAll("\n", ", ") : undefined;
}
