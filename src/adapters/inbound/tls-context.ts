import { createSecureContext, type SecureContextOptions, type TLSSocket } from "node:tls";
import { err, ok, type Result } from "../../model/result.ts";
import type { SecureDoor } from "./door.ts";
import type { ListenerPem, ListenerSettings, ListenerTls } from "./listener-settings.ts";

/** What a TLS server is given: certificate, key, authorities, the oldest version spoken. Errs where they do not fit together, such as a half-written file. */
export function secureContextOf(pem: ListenerPem): Result<SecureContextOptions> {
  const options: SecureContextOptions = {
    cert: pem.cert,
    key: pem.key,
    minVersion: "TLSv1.2",
    ...(pem.clientCa === undefined ? {} : { ca: pem.clientCa }),
  };
  try {
    createSecureContext(options);
    return ok(options);
  } catch (error) {
    return err(error instanceof Error ? error.message : "the certificate cannot be used");
  }
}

/** How a listener identifies itself; rejects, naming it, when its certificate is of no use. */
export async function secureDoorOf({ name, limits }: ListenerSettings, tls: ListenerTls): Promise<SecureDoor> {
  const pem = await tls.readPem();
  const context = pem.ok ? secureContextOf(pem.value) : pem;
  if (!context.ok) throw new Error(`listener ${name} has no usable certificate: ${context.error}`);
  return {
    ...context.value,
    ...clientCertOptions(tls),
    ALPNProtocols: ["http/1.1"],
    handshakeTimeout: limits.headerTimeoutMs,
  };
}

/** How clients are asked for certificates. An optional one is checked after the handshake, because Node lets any pass there. */
const clientCertOptions = ({
  clientCert,
}: ListenerTls): { readonly requestCert: boolean; readonly rejectUnauthorized: boolean } => ({
  requestCert: clientCert !== "none",
  rejectUnauthorized: clientCert === "required",
});

/** Subject of the client's verified certificate on one line, empty without one; undefined: it showed one nobody vouches for, and must go. */
export function verifiedSubject(socket: TLSSocket): string | undefined {
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return "";
  return socket.authorized ? certificate.subject.replaceAll("\n", ", ") : undefined;
}
