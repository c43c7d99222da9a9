import { sha256Hex } from "../support/hash.ts";

/** Names the authorities of a bundle: the SHA-256 of each, in order, separated by spaces; empty for none. Comments and repetitions change nothing. */
export function authoritiesOf(caPem: string | undefined): string {
  const certificates = (caPem ?? "").match(CERTIFICATE) ?? [];
  return [...new Set(certificates.map((text) => sha256Hex(text.replaceAll(/\s/g, ""))))].toSorted().join(" ");
}

/** Whether an authority of the first list is none of the second. */
export function isAuthorityGone(before: string, after: string): boolean {
  const left = new Set(after.split(" "));
  return before.split(" ").some((authority) => authority !== "" && !left.has(authority));
}

const CERTIFICATE = /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----[\s\S]*?-----END (?:TRUSTED |X509 )?CERTIFICATE-----/g;
