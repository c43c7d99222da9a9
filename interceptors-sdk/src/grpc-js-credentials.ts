import { ServerCredentials } from "@grpc/grpc-js";
import type { TlsMaterial } from "./rpc-server.ts";

/** Credentials of the general library whose certificate, key and authorities can be replaced: the next connection uses the new ones. */
export class RenewedCredentials extends ServerCredentials {
  readonly #ciphers: string | undefined;

  constructor({ ca, cert, key }: TlsMaterial) {
    const fixed = ServerCredentials.createSsl(ca ?? null, [{ private_key: key, cert_chain: cert }], ca !== undefined);
    // oxlint-disable no-underscore-dangle -- how the library's own credentials hand over what they were made with
    const settings = fixed._getConstructorOptions();
    // explicit: NODE_TLS_REJECT_UNAUTHORIZED must not switch trust off
    super({ ...settings, rejectUnauthorized: ca !== undefined }, fixed._getSecureContextOptions() ?? {});
    // oxlint-enable no-underscore-dangle
    this.#ciphers = settings?.ciphers;
  }

  override _equals(other: ServerCredentials): boolean {
    return this === other;
  }

  renew({ ca, cert, key }: TlsMaterial): void {
    // a context without ciphers would take Node's for the library's
    this.updateSecureContextOptions({
      cert: [cert],
      key: [key],
      ...(ca !== undefined && { ca }),
      ...(this.#ciphers !== undefined && { ciphers: this.#ciphers }),
    });
  }
}
