import { Metadata } from "@grpc/grpc-js";
import { ok, type Result } from "../../model/result.ts";
import type { Secret } from "../../model/secret.ts";
import type { CallCredential } from "../../ports/call-credential.ts";

/** What is sent beside every message: the credential of calls, where there is one (C38). */
export class CallMetadata {
  readonly #credential: CallCredential | undefined;
  #token: Secret | undefined;
  #metadata = new Metadata();

  constructor(credential: CallCredential | undefined) {
    this.#credential = credential;
  }

  /** For one call; an error where the credential is not fit to be shown. */
  next(): Result<Metadata, string> {
    if (this.#credential === undefined) return ok(this.#metadata);
    const token = this.#credential.token();
    if (!token.ok) return token;
    if (token.value !== this.#token) this.#hold(token.value);
    // the library copies it before it adds its own
    return ok(this.#metadata);
  }

  /** One object for as long as the token is the same: it is checked once and not for each call. */
  #hold(token: Secret): void {
    const metadata = new Metadata();
    metadata.set("authorization", `Bearer ${token.reveal()}`);
    this.#metadata = metadata;
    this.#token = token;
  }
}
