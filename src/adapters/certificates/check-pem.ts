import { X509Certificate, type KeyObject } from "node:crypto";
import type { Secret } from "../../model/secret.ts";
import { err, ok, type Result } from "../../model/result.ts";
import { parsePrivateKey } from "./private-key.ts";

/** A certificate chain and its private key, with the files they come from. */
export interface LoadedPair {
  readonly certFile: string;
  readonly keyFile: string;
  /** Leaf first. */
  readonly certPem: string;
  readonly keyPem: Secret;
}

/** What keeps a pair from being used at `nowMs` (epoch), naming the file at fault; undefined when nothing does. */
export function certificateProblem(pair: LoadedPair, nowMs: number): string | undefined {
  const chain = certificatesIn(pair.certFile, pair.certPem);
  if (!chain.ok) return chain.error;
  const key = privateKeyIn(pair.keyFile, pair.keyPem);
  if (!key.ok) return key.error;
  const [leaf] = chain.value;
  if (leaf === undefined || !leaf.checkPrivateKey(key.value))
    return `${pair.keyFile} does not hold the key of the certificate in ${pair.certFile}`;
  return validityProblem(pair.certFile, leaf, nowMs);
}

/** What keeps a bundle of authorities from being used at `nowMs`. One that is out of date among others is none: bundles carry them on purpose. */
export function bundleProblem(caFile: string, caPem: string, nowMs: number): string | undefined {
  const authorities = certificatesIn(caFile, caPem);
  if (!authorities.ok) return authorities.error;
  const problems = authorities.value.map((authority) =>
    authority.ca ? validityProblem(caFile, authority, nowMs) : `${caFile} holds a certificate that is no authority's`,
  );
  return problems.includes(undefined) ? undefined : problems[0];
}

const BLOCK = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;

function certificatesIn(file: string, pem: string): Result<readonly X509Certificate[], string> {
  const blocks = pem.match(BLOCK) ?? [];
  if (blocks.length === 0) return err(`${file} holds no certificate in PEM form`);
  try {
    return ok(blocks.map((block) => new X509Certificate(block)));
  } catch {
    return err(`${file} holds a certificate that cannot be read`);
  }
}

function privateKeyIn(file: string, pem: Secret): Result<KeyObject, string> {
  const key = parsePrivateKey(pem);
  if (key === "encrypted") return err(`${file} holds an encrypted private key; an unencrypted one is needed`);
  return key === "unreadable" ? err(`${file} holds no private key in PEM form`) : ok(key);
}

function validityProblem(file: string, certificate: X509Certificate, nowMs: number): string | undefined {
  const [from, until] = [certificate.validFromDate, certificate.validToDate];
  if (nowMs >= until.getTime()) return `${file}: the certificate expired on ${until.toISOString()}`;
  if (nowMs < from.getTime()) return `${file}: the certificate is not valid before ${from.toISOString()}`;
  return undefined;
}
