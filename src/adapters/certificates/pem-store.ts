import { access } from "node:fs/promises";
import { join } from "node:path";
import { Secret } from "../../model/secret.ts";
import { err, ok, type Result } from "../../model/result.ts";
import { readBounded, errorCode } from "../files/read-bounded.ts";
import { writeWhole } from "../files/write-whole.ts";
import { createDevelopmentCa, type CertificateAndKey } from "./development-ca.ts";
import { certificateProblem } from "./check-pem.ts";
import { writePrivateKey } from "./private-key.ts";

/** Where a certificate and its key were written. */
export interface PemPaths {
  readonly certFile: string;
  readonly keyFile: string;
}

/** Name of the authority's files in a directory. */
const CA_NAME = "ca";

const MAX_PEM_BYTES = 1024 * 1024;

/** File names without surprises: no path, no hidden file. */
const FILE_NAME = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$/;

/** `<name>.pem` (0644) and `<name>.key` (0600) in a directory that is made with mode 0700 when missing. Replaces what was there. */
export async function writePem(directory: string, name: string, issued: CertificateAndKey): Promise<Result<PemPaths, string>> {
  if (!FILE_NAME.test(name)) return err(`${JSON.stringify(name)} is not a file name: letters, digits, dot, dash and underscore`);
  const paths = pathsOf(directory, name);
  try {
    // the key first: whoever sees the new certificate finds its key
    await writePrivateKey(paths.keyFile, issued.privateKeyPem);
    await writeWhole(paths.certFile, issued.certificatePem, 0o644);
    return ok(paths);
  } catch (error) {
    return err(`${directory} cannot be written: ${errorCode(error)}`);
  }
}

/** An authority on disk. */
export interface StoredCa extends PemPaths {
  readonly ca: CertificateAndKey;
  /** Made just now, rather than found. */
  readonly created: boolean;
}

/** The authority of a directory, made when neither of its files is there. One that expired or is half there is an error: replacing it silently would break every certificate it signed. */
export async function openDevelopmentCa(directory: string): Promise<Result<StoredCa, string>> {
  const paths = pathsOf(directory, CA_NAME);
  if (!(await exists(paths.certFile)) && !(await exists(paths.keyFile))) {
    const ca = await createDevelopmentCa();
    const written = await writePem(directory, CA_NAME, ca);
    return written.ok ? ok({ ...paths, ca, created: true }) : written;
  }
  const ca = await readPair(paths);
  if (!ca.ok) return ca;
  const problem = certificateProblem({ ...paths, certPem: ca.value.certificatePem, keyPem: ca.value.privateKeyPem }, Date.now());
  return problem === undefined
    ? ok({ ...paths, ca: ca.value, created: false })
    : err(`${problem}; remove ${paths.certFile} and ${paths.keyFile} to begin anew`);
}

async function readPair({ certFile, keyFile }: PemPaths): Promise<Result<CertificateAndKey, string>> {
  const cert = await readBounded(certFile, MAX_PEM_BYTES);
  if (!cert.ok) return cert;
  const key = await readBounded(keyFile, MAX_PEM_BYTES);
  if (!key.ok) return key;
  return ok({ certificatePem: cert.value.toString("utf8"), privateKeyPem: new Secret(key.value.toString("utf8")) });
}

const pathsOf = (directory: string, name: string): PemPaths => ({
  certFile: join(directory, `${name}.pem`),
  keyFile: join(directory, `${name}.key`),
});

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
