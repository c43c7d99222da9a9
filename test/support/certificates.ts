import { webcrypto } from "node:crypto";
import type * as X509 from "@peculiar/x509";
import { provideReflectMetadata } from "../../src/adapters/certificates/reflect-metadata.ts";

/** A certificate with its private key, PEM. */
export interface TestCertificate {
  readonly cert: string;
  readonly key: string;
}

/** A throw-away authority and what it signs. ECDSA P-256, valid from an hour ago for a day. */
export interface TestAuthority {
  /** The authority's certificate, PEM. */
  readonly ca: string;
  /** For a TLS server; each name becomes a DNS or IP subject alternative name. Default `localhost` and `127.0.0.1`. */
  server(...names: readonly string[]): Promise<TestCertificate>;
  /** For a TLS client; a name with "://" becomes a URI subject alternative name. Default `gateway`. */
  client(...names: readonly string[]): Promise<TestCertificate>;
  /** The same, valid from two days ago until yesterday. */
  expired(usage: "server" | "client"): Promise<TestCertificate>;
  /** The same, valid from an hour ago for so long. */
  brief(usage: "server" | "client", lastsMs: number): Promise<TestCertificate>;
}

/** Two authorities that do not know each other. */
export interface TestCertificates extends TestAuthority {
  readonly other: TestAuthority;
}

/** Made once per process: keys are cheap, but not free. */
export function testCertificates(): Promise<TestCertificates> {
  return (made ??= Promise.all([authority("sallyport test authority"), authority("another authority")]).then(
    ([first, other]) => ({
      ...first,
      other,
    }),
  ));
}

let made: Promise<TestCertificates> | undefined;

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const HOUR_MS = 3_600_000;

// the library looks for reflection metadata while it loads
provideReflectMetadata();
const x509 = await import("@peculiar/x509");

async function authority(name: string): Promise<TestAuthority> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    ...validity(),
    name: `CN=${name}`,
    keys,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(true, 1, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
    ],
  });
  const leaves = new Map<string, Promise<TestCertificate>>();
  const leaf = (usage: string, names: readonly string[]): Promise<TestCertificate> => {
    const id = [usage, ...names].join(" ");
    const known = leaves.get(id) ?? signed({ root, signingKey: keys.privateKey, usage, names });
    leaves.set(id, known);
    return known;
  };
  const dated = (usage: "server" | "client", days: Validity): Promise<TestCertificate> =>
    signed({
      root,
      signingKey: keys.privateKey,
      usage: usage === "server" ? x509.ExtendedKeyUsage.serverAuth : x509.ExtendedKeyUsage.clientAuth,
      names: usage === "server" ? ["localhost", "127.0.0.1"] : ["gateway"],
      days,
    });
  return {
    ca: root.toString("pem"),
    expired: (usage) => dated(usage, validity(-48 * HOUR_MS, -24 * HOUR_MS)),
    brief: (usage, lastsMs) => dated(usage, validity(-HOUR_MS, lastsMs)),
    server: (...names) => leaf(x509.ExtendedKeyUsage.serverAuth, names.length === 0 ? ["localhost", "127.0.0.1"] : names),
    client: (...names) => leaf(x509.ExtendedKeyUsage.clientAuth, names.length === 0 ? ["gateway"] : names),
  };
}

async function signed(leaf: {
  readonly root: X509.X509Certificate;
  readonly signingKey: webcrypto.CryptoKey;
  readonly usage: string;
  readonly names: readonly string[];
  readonly days?: Validity;
}): Promise<TestCertificate> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const certificate = await x509.X509CertificateGenerator.create({
    ...(leaf.days ?? validity()),
    subject: `CN=${leaf.names[0] ?? "nobody"}`,
    issuer: leaf.root.subject,
    publicKey: keys.publicKey,
    signingKey: leaf.signingKey,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([leaf.usage], false),
      new x509.SubjectAlternativeNameExtension(leaf.names.map(alternativeName), false),
    ],
  });
  const key = await webcrypto.subtle.exportKey("pkcs8", keys.privateKey);
  return { cert: certificate.toString("pem"), key: x509.PemConverter.encode(key, "PRIVATE KEY") };
}

function alternativeName(name: string): { readonly type: "dns" | "ip" | "url"; readonly value: string } {
  if (name.includes("://")) return { type: "url", value: name };
  return { type: /^[\d.]+$|:/.test(name) ? "ip" : "dns", value: name };
}

interface Validity {
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** From then until then, milliseconds from now. */
function validity(fromMs = -HOUR_MS, untilMs = 24 * HOUR_MS): Validity {
  const now = Date.now();
  return { notBefore: new Date(now + fromMs), notAfter: new Date(now + untilMs) };
}
