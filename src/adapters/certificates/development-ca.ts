import { randomBytes, X509Certificate as ParsedCertificate } from "node:crypto";
import type { Secret } from "../../model/secret.ts";
import { err, ok, type Result } from "../../model/result.ts";
import { isIpAddress } from "../../support/ip-address.ts";
import { toPem, toSigningKey } from "./private-key.ts";
import { provideReflectMetadata } from "./reflect-metadata.ts";

const DAY_MS = 86_400_000;

/** A development authority outlives a project's first year; its leaves are renewed by running the command again. */
const CA_DAYS = 730;
const LEAF_DAYS = 365;

/** Clocks of other machines may be behind ours. */
const BACKDATED_MS = 5 * 60_000;

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;

/** A certificate with its private key, as PEM text. */
export interface CertificateAndKey {
  readonly certificatePem: string;
  /** PKCS#8, unencrypted. */
  readonly privateKeyPem: Secret;
}

/** What a leaf certificate is for. */
export interface LeafRequest {
  readonly commonName: string;
  /** Names clients connect by; a leading `*.` is allowed. */
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
  /** Which end of a TLS connection may show it. */
  readonly usage: "server" | "client" | "both";
  /** Default: 365 days from now, never beyond the authority's own end. */
  readonly validity?: { readonly from: Date; readonly until: Date };
}

/** Makes an authority for development: it may sign leaves and nothing below them. ECDSA P-256, 730 days. */
export async function createDevelopmentCa(commonName = "Sallyport development CA"): Promise<CertificateAndKey> {
  const x509 = await library();
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const nowMs = Date.now();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: [{ CN: [commonName] }],
    notBefore: new Date(nowMs - BACKDATED_MS),
    notAfter: new Date(nowMs + CA_DAYS * DAY_MS),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificatePem: withNewline(certificate.toString("pem")), privateKeyPem: toPem(keys.privateKey) };
}

/** Signs a leaf with a fresh key pair. The error says what is wrong with the request or the authority. */
export async function issue(ca: CertificateAndKey, request: LeafRequest): Promise<Result<CertificateAndKey, string>> {
  const wrong = problemOf(request);
  if (wrong !== undefined) return err(wrong);
  const x509 = await library();
  const issuer = new x509.X509Certificate(ca.certificatePem);
  const nowMs = Date.now();
  if (issuer.notAfter.getTime() <= nowMs) return err(`the authority's certificate expired on ${issuer.notAfter.toISOString()}`);
  const signingKey = await toSigningKey(ca.privateKeyPem, ALGORITHM);
  if (signingKey === undefined) return err("the authority's private key is no ECDSA P-256 key");
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const until = request.validity?.until ?? new Date(Math.min(nowMs + LEAF_DAYS * DAY_MS, issuer.notAfter.getTime()));
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: [{ CN: [request.commonName] }],
    issuer: issuer.subjectName,
    notBefore: request.validity?.from ?? new Date(nowMs - BACKDATED_MS),
    notAfter: until,
    signingAlgorithm: ALGORITHM,
    publicKey: keys.publicKey,
    signingKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension(extendedUsages(request.usage)),
      new x509.SubjectAlternativeNameExtension([
        ...request.dnsNames.map((value) => ({ type: "dns" as const, value })),
        ...request.ipAddresses.map((value) => ({ type: "ip" as const, value })),
      ]),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ],
  });
  return ok({ certificatePem: withNewline(certificate.toString("pem")), privateKeyPem: toPem(keys.privateKey) });
}

/** Loaded when the first certificate is made: a running gateway never needs it. */
async function library() {
  provideReflectMetadata();
  return import("@peculiar/x509");
}

const DNS_NAME = /^(?:\*\.)?(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i;

function problemOf(request: LeafRequest): string | undefined {
  const badName = request.dnsNames.find((name) => !DNS_NAME.test(name) || name.length > 253);
  if (badName !== undefined) return `${JSON.stringify(badName)} is not a DNS name`;
  const badAddress = request.ipAddresses.find((address) => !isIpAddress(address));
  if (badAddress !== undefined) return `${JSON.stringify(badAddress)} is not an IP address`;
  if (request.dnsNames.length + request.ipAddresses.length === 0)
    return "a certificate needs at least one DNS name or IP address";
  // X.520's upper bound of a common name
  if (request.commonName.length === 0 || request.commonName.length > 64) return "a common name has 1 to 64 characters";
  return undefined;
}

function extendedUsages(usage: LeafRequest["usage"]): string[] {
  const [server, client] = ["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"];
  switch (usage) {
    case "server":
      return [server];
    case "client":
      return [client];
    case "both":
      return [server, client];
    default:
      return usage satisfies never;
  }
}

/** 126 random bits: positive, never zero, within the 20 octets of RFC 5280. */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes.toString("hex");
}

const withNewline = (pem: string): string => (pem.endsWith("\n") ? pem : `${pem}\n`);

/** Last moment of a certificate's validity. */
export const endOf = (certificatePem: string): Date => new ParsedCertificate(certificatePem).validToDate;
