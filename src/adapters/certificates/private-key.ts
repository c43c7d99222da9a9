import { createPrivateKey, KeyObject, type webcrypto } from "node:crypto";
import { Secret } from "../../model/secret.ts";
import { writeWhole } from "../files/write-whole.ts";

/** The one place of this folder where private keys are revealed: made, read, written and compared. */

/** PKCS#8 PEM of an extractable key. */
export const toPem = (key: CryptoKey): Secret => new Secret(KeyObject.from(key).export({ type: "pkcs8", format: "pem" }));

/** The key in a PEM text, or why there is none to be used. */
export function parsePrivateKey(pem: Secret): KeyObject | "encrypted" | "unreadable" {
  const text = pem.reveal();
  if (text.includes("ENCRYPTED")) return "encrypted";
  try {
    return createPrivateKey(text);
  } catch {
    // the library's message may quote what it read
    return "unreadable";
  }
}

/** For signing with WebCrypto; undefined where it is no key of that algorithm. */
export async function toSigningKey(pem: Secret, algorithm: webcrypto.EcKeyImportParams): Promise<CryptoKey | undefined> {
  try {
    const der = createPrivateKey(pem.reveal()).export({ type: "pkcs8", format: "der" });
    return await crypto.subtle.importKey("pkcs8", new Uint8Array(der), algorithm, false, ["sign"]);
  } catch {
    return undefined;
  }
}

/** For its owner's eyes only. */
export const writePrivateKey = (path: string, pem: Secret): Promise<void> => writeWhole(path, pem.reveal(), 0o600);

/** Byte for byte; for telling a rotated key, not for checking a guess. */
export const isSamePrivateKey = (one: Secret | undefined, other: Secret | undefined): boolean =>
  one?.reveal() === other?.reveal();
