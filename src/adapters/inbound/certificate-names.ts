import { X509Certificate } from "node:crypto";
import type { SecureContext } from "node:tls";

/** Which certificate a client is shown that says whom it wants (RFC 6066 section 3). An exact name wins over a wildcard; of equal ones the first given. */
export class CertificateNames {
  readonly #exact = new Map<string, SecureContext>();
  readonly #wildcard = new Map<string, SecureContext>();

  /** Takes a certificate, PEM, with what shows it, under the DNS names it is made out to. */
  add(cert: string, shown: SecureContext): void {
    for (const [, star, name = ""] of (new X509Certificate(cert).subjectAltName ?? "").matchAll(DNS_NAME)) {
      const names = star === undefined ? this.#exact : this.#wildcard;
      if (!names.has(name.toLowerCase())) names.set(name.toLowerCase(), shown);
    }
  }

  /** What to show for a name; undefined: no certificate is made out to it. */
  find(serverName: string): SecureContext | undefined {
    const name = serverName.toLowerCase();
    // a star stands for one label
    const [, parent = ""] = /^[^.]+\.(.+)$/.exec(name) ?? [];
    return this.#exact.get(name) ?? this.#wildcard.get(parent);
  }
}

/** A name with any other character is quoted there, and none that clients ask for. */
const DNS_NAME = /(?:^|, )DNS:(\*\.)?([A-Za-z0-9_.-]+)(?=,|$)/g;
