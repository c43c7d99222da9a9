import type { PeerCertificate } from "node:tls";

/** What TLS has against a peer's certificate, in words that say what to mend. Other reasons are OpenSSL's own. */
const REASONS: ReadonlyMap<string, string> = new Map([
  ["CERT_HAS_EXPIRED", "its certificate, or one it was signed by, has expired"],
  ["CERT_NOT_YET_VALID", "its certificate, or one it was signed by, is not valid yet"],
  ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "its certificate was not signed by an authority in ca_file"],
  ["UNABLE_TO_GET_ISSUER_CERT", "its certificate was not signed by an authority in ca_file"],
  ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "its certificate was not signed by an authority in ca_file"],
  ["SELF_SIGNED_CERT_IN_CHAIN", "its certificate was signed by an authority that is not in ca_file"],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", "its certificate is self-signed, and not in ca_file"],
  ["CERT_SIGNATURE_FAILURE", "its certificate was not signed by the authority it names"],
  ["INVALID_PURPOSE", "its certificate is not for servers"],
  ["ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED", "it wants a certificate of ours and got none"],
  ["ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED", "it says that our certificate has expired"],
  ["ERR_SSL_TLS_ALERT_CERTIFICATE_EXPIRED", "it says that our certificate has expired"],
  ["ERR_SSL_TLSV1_ALERT_UNKNOWN_CA", "it does not know the authority of our certificate"],
  ["ERR_SSL_TLS_ALERT_UNKNOWN_CA", "it does not know the authority of our certificate"],
  ["ERR_SSL_WRONG_VERSION_NUMBER", "it speaks no TLS"],
]);

/** Names in a certificate are the peer's words, and go into the log. */
const MAX_REASON_CHARS = 500;

/** Why TLS with a peer failed, for the log and the operator. */
export function refusalReason(error: unknown): string {
  if (!(error instanceof Error)) return "TLS: refused";
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  const words = REASONS.get(code);
  const text = words === undefined ? error.message : `${words} (${code})`;
  return `TLS: ${text.slice(0, MAX_REASON_CHARS)}`;
}

/** What is said of a certificate for another name. */
export function otherName(serverName: string, { subjectaltname }: PeerCertificate): string {
  return subjectaltname === undefined
    ? `its certificate has no subject alternative name; ${serverName} is expected`
    : `its certificate is for ${subjectaltname.slice(0, MAX_REASON_CHARS / 2)}, not for ${serverName}`;
}
