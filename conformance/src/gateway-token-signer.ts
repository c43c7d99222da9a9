import { createPrivateKey, type KeyObject, randomUUID, sign } from "node:crypto";
import { TOKEN_ALGORITHM, TOKEN_TYPE } from "@sallyport/contract/gateway-token.ts";
import type { TokenTerms } from "./suite-options.ts";

/** What differs from a good token; `undefined` leaves a member out. */
export interface TokenChanges {
  readonly header?: Readonly<Record<string, unknown>>;
  readonly claims?: Readonly<Record<string, unknown>>;
}

/** Signs tokens as a gateway does (C38). */
export class GatewayTokenSigner {
  readonly #terms: TokenTerms;
  readonly #privateKey: KeyObject;

  /** Throws when the key is no private key. */
  constructor(terms: TokenTerms) {
    this.#terms = terms;
    this.#privateKey = createPrivateKey(terms.privateKeyPem);
  }

  /** A token that is good for two minutes, with changes. */
  token(changes: TokenChanges = {}, privateKey: KeyObject = this.#privateKey): string {
    const input = this.unsigned(changes);
    return `${input}.${sign(null, Buffer.from(input), privateKey).toString("base64url")}`;
  }

  /** Header and claims, encoded, without a signature. */
  unsigned({ header = {}, claims = {} }: TokenChanges): string {
    const { kid, issuer, audience } = this.#terms;
    const iat = Math.floor(Date.now() / 1000);
    const all = {
      header: { alg: TOKEN_ALGORITHM, typ: TOKEN_TYPE, kid, ...header },
      claims: { iss: issuer, aud: audience, jti: randomUUID(), iat, exp: iat + 120, ...claims },
    };
    return [all.header, all.claims].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".");
  }

  get privateKey(): KeyObject {
    return this.#privateKey;
  }
}
