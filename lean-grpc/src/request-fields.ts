import type { Field } from "./hpack-table.ts";

/** Methods a channel remembers; a service has fewer. */
const MAX_METHODS = 16;

/** The header fields that requests of one method have in common: one list for as long as nothing in it changes, so that it is coded once. */
export class RequestFields {
  readonly #authority: string;
  readonly #scheme: string;
  readonly #userAgent: string;
  readonly #byMethod = new Map<string, readonly Field[]>();
  #metadata: readonly Field[] = NONE;

  constructor(terms: { readonly authority: string; readonly tls: unknown; readonly userAgent: string }) {
    this.#authority = terms.authority;
    this.#scheme = terms.tls === undefined ? "http" : "https";
    this.#userAgent = terms.userAgent;
  }

  /** For a method, as its path on the wire, and the metadata of the caller, compared by identity. */
  of(method: string, metadata: readonly Field[]): readonly Field[] {
    if (metadata !== this.#metadata) {
      this.#byMethod.clear();
      this.#metadata = metadata;
    }
    const known = this.#byMethod.get(method);
    if (known !== undefined) return known;
    if (this.#byMethod.size >= MAX_METHODS) this.#byMethod.clear();
    const fields = this.#fields(method, metadata);
    this.#byMethod.set(method, fields);
    return fields;
  }

  #fields(method: string, metadata: readonly Field[]): readonly Field[] {
    return [
      [":method", "POST"],
      [":scheme", this.#scheme],
      [":path", method],
      [":authority", this.#authority],
      ["te", "trailers"],
      ["content-type", "application/grpc"],
      ["user-agent", this.#userAgent],
      ...metadata,
    ];
  }
}

const NONE: readonly Field[] = [];
