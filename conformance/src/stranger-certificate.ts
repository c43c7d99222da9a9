import { generateKeyPairSync, randomBytes, sign } from "node:crypto";

/** A certificate with its private key, PEM. */
export interface StrangerCertificate {
  readonly cert: string;
  readonly key: string;
}

/**
 * A client certificate nobody knows: self-signed, valid for a day, with a name of its own. Every service must refuse it. Made here because
 * a suite that had to be given one would mostly be run without.
 */
export function strangerCertificate(name = "sallyport conformance stranger"): StrangerCertificate {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const subject = sequence(set(sequence(COMMON_NAME, der(0x0c, Buffer.from(name)))));
  const algorithm = sequence(ECDSA_WITH_SHA256);
  const now = Date.now();
  const contents = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    // positive, and without a leading zero
    der(0x02, Buffer.concat([Buffer.from([0x40]), randomBytes(15)])),
    algorithm,
    subject,
    sequence(utcTime(now - HOUR_MS), utcTime(now + 24 * HOUR_MS)),
    subject,
    publicKey.export({ type: "spki", format: "der" }),
  );
  const signature = der(0x03, Buffer.concat([Buffer.from([0]), sign("sha256", contents, privateKey)]));
  const certificate = sequence(contents, algorithm, signature).toString("base64");
  const lines = certificate.match(/.{1,64}/g) ?? [];
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: "pkcs8", format: "pem" }),
  };
}

const HOUR_MS = 3_600_000;

// object identifiers 2.5.4.3 and 1.2.840.10045.4.3.2
const COMMON_NAME = Buffer.from("0603550403", "hex");
const ECDSA_WITH_SHA256 = Buffer.from("06082a8648ce3d040302", "hex");

const sequence = (...parts: readonly Buffer[]): Buffer => der(0x30, Buffer.concat(parts));
const set = (...parts: readonly Buffer[]): Buffer => der(0x31, Buffer.concat(parts));

/** `YYMMDDHHMMSSZ`, which is good until 2049 (RFC 5280 section 4.1.2.5.1). */
const utcTime = (ms: number): Buffer =>
  der(0x17, Buffer.from(`${new Date(ms).toISOString().slice(2, 19).replaceAll(/[-T:]/g, "")}Z`));

/** Tag, length, contents; at most 65,535 bytes. */
function der(tag: number, contents: Buffer): Buffer {
  const { length } = contents;
  const head = length < 0x80 ? [tag, length] : length < 0x100 ? [tag, 0x81, length] : [tag, 0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(head), contents]);
}
