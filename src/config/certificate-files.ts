/** A certificate and its private key, as paths: whoever uses them reads them again when they change. */
export interface CertificateFiles {
  readonly certFile: string;
  readonly keyFile: string;
}
