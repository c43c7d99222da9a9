import { endOf, issue, type LeafRequest } from "../adapters/certificates/development-ca.ts";
import { openDevelopmentCa, writePem } from "../adapters/certificates/pem-store.ts";
import { ok, type Result } from "../model/result.ts";

/** A leaf certificate to be written as `<name>.pem` and `<name>.key`; `name` is its common name, too. */
export type LeafWish = Omit<LeafRequest, "commonName" | "validity"> & { readonly name: string };

/** Files of a directory of development certificates. */
export interface WrittenCertificates {
  readonly ca: {
    readonly certFile: string;
    readonly expiresAt: Date;
    /** Made now rather than found. */ readonly created: boolean;
  };
  /** In the order of the wishes. */
  readonly leaves: readonly {
    readonly name: string;
    readonly certFile: string;
    readonly keyFile: string;
    readonly expiresAt: Date;
  }[];
}

/** Opens the directory's authority, or makes one, and writes fresh leaves signed by it. Private keys 0600, missing directories 0700. The error is a fragment naming the file or the wish. */
export async function writeDevelopmentCertificates(
  directory: string,
  wishes: readonly LeafWish[],
): Promise<Result<WrittenCertificates, string>> {
  const opened = await openDevelopmentCa(directory);
  if (!opened.ok) return opened;
  const { ca, certFile, created } = opened.value;
  const leaves: WrittenCertificates["leaves"][number][] = [];
  for (const { name, ...wish } of wishes) {
    const leaf = await issue(ca, { ...wish, commonName: name });
    if (!leaf.ok) return leaf;
    const written = await writePem(directory, name, leaf.value);
    if (!written.ok) return written;
    leaves.push({ name, ...written.value, expiresAt: endOf(leaf.value.certificatePem) });
  }
  return ok({ ca: { certFile, created, expiresAt: endOf(ca.certificatePem) }, leaves });
}
