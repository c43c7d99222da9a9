import { LIMITS } from "@sallyport/contract/limits.ts";
import { escapeToken } from "@sallyport/contract/json-pointer.ts";
import type { Change, Draft, EditChange } from "./change.ts";
import {
  cachePolicy,
  headerName,
  headerValue,
  httpStatus,
  labelName,
  labelText,
  normalPath,
  queryValues,
  requestMethod,
} from "./checked-value.ts";
import { InvalidVerdictError } from "./errors.ts";
import { type Notes, NO_NOTES, withAnnotation, withWarning } from "./notes.ts";
import type { EncodedToken } from "./pointer-types.ts";

/** The exchange goes on. Chain what is to be changed; every step returns a new verdict and leaves this one as it was. */
export const allow = (): Allow => ALLOW;

/**
 * An allow verdict. `Written` is the union of the pointers it patches, so that a write outside the binding's `writes`
 * does not compile. Illegal names and values throw `InvalidVerdictError` at the call that gave them.
 */
export class Allow<Written extends string = never> {
  readonly kind = "allow";
  /** Pointers of what is changed, in order of the calls. */
  readonly written: readonly Written[];
  readonly changes: readonly Change[];
  readonly notes: Notes;
  readonly reuse: Reuse;

  constructor(parts: {
    readonly written: readonly Written[];
    readonly changes: readonly Change[];
    readonly notes: Notes;
    readonly reuse: Reuse;
  }) {
    this.written = parts.written;
    this.changes = parts.changes;
    this.notes = parts.notes;
    this.reuse = parts.reuse;
  }

  /** Sets a request header: a string is one line, an array several. */
  setHeader<const N extends string>(
    name: N,
    value: string | readonly string[],
  ): Allow<Written | `/request/headers/${EncodedToken<N>}`> {
    return this.#with({
      kind: "put",
      pointer: `/request/headers/${escapeToken(headerName(name))}`,
      value: headerValue(name, value),
    });
  }

  /** Removes a request header, whether or not there is one. */
  removeHeader<const N extends string>(name: N): Allow<Written | `/request/headers/${EncodedToken<N>}`> {
    return this.#with({ kind: "drop", pointer: `/request/headers/${escapeToken(headerName(name))}` });
  }

  /** Sets all values of a query name, decoded. */
  setQuery<const N extends string>(
    name: N,
    values: string | readonly string[],
  ): Allow<Written | `/request/query/${EncodedToken<N>}`> {
    return this.#with({ kind: "put", pointer: `/request/query/${escapeToken(name)}`, value: queryValues(name, values) });
  }

  /** Removes all values of a query name, whether or not there are any. */
  removeQuery<const N extends string>(name: N): Allow<Written | `/request/query/${EncodedToken<N>}`> {
    return this.#with({ kind: "drop", pointer: `/request/query/${escapeToken(name)}` });
  }

  /** Sets the path: normalised, percent-encoded, without query (C25). To reach another route takes the power `reroute`. */
  setPath(path: string): Allow<Written | "/request/path"> {
    return this.#with({ kind: "put", pointer: "/request/path", value: normalPath(path) });
  }

  /** Sets the request method. To reach another route takes the power `reroute`. */
  setMethod(method: string): Allow<Written | "/request/method"> {
    return this.#with({ kind: "put", pointer: "/request/method", value: requestMethod(method) });
  }

  /** Replaces the request body whole: a JSON value, text or bytes, as the binding's `body` says. */
  setBody(body: unknown): Allow<Written | "/request/body"> {
    return this.#with({ kind: "body", pointer: "/request/body", value: body });
  }

  /** Passes a fact on to later bindings, routing and the access log. */
  label<const N extends string>(name: N, value: string): Allow<Written | `/labels/${EncodedToken<N>}`> {
    return this.#with({ kind: "put", pointer: `/labels/${labelName(name)}`, value: labelText(value) });
  }

  /** Sets the response status, 200 to 599. */
  setStatus(status: number): Allow<Written | "/response/status"> {
    return this.#with({ kind: "put", pointer: "/response/status", value: httpStatus(status) });
  }

  /** Sets a response header: a string is one line, an array several. */
  setResponseHeader<const N extends string>(
    name: N,
    value: string | readonly string[],
  ): Allow<Written | `/response/headers/${EncodedToken<N>}`> {
    return this.#with({
      kind: "put",
      pointer: `/response/headers/${escapeToken(headerName(name))}`,
      value: headerValue(name, value),
    });
  }

  /** Removes a response header, whether or not there is one. */
  removeResponseHeader<const N extends string>(name: N): Allow<Written | `/response/headers/${EncodedToken<N>}`> {
    return this.#with({ kind: "drop", pointer: `/response/headers/${escapeToken(headerName(name))}` });
  }

  /** Appends one `set-cookie` line to the response. Takes the power `set-cookies` (C23). */
  appendSetCookie(line: string): Allow<Written | "/response/headers/set-cookie/-"> {
    const [value] = headerValue("set-cookie", [line]);
    return this.#with({ kind: "append", pointer: "/response/headers/set-cookie/-", value: value ?? line });
  }

  /** Replaces the response body whole: a JSON value, text or bytes, as the binding's `body` says. */
  setResponseBody(body: unknown): Allow<Written | "/response/body"> {
    return this.#with({ kind: "body", pointer: "/response/body", value: body });
  }

  /**
   * Changes a body, or the part of it a pointer below names, and sends the fewest operations that do it; numbers it
   * leaves alone keep their digits. `change` is called once, synchronously, after `review` returned: it alters the
   * draft in place or returns what is to take its place. The draft is undefined where there is nothing yet.
   * `T` is what the caller knows of the body's shape; nothing checks it.
   */
  edit<const Pointer extends string, T = Draft>(pointer: Pointer, change: (draft: T) => T | void): Allow<Written | Pointer> {
    // the draft is what the client sent: only the caller can say that it has the shape T
    return this.#with({ kind: "edit", pointer, change: change as EditChange });
  }

  /** A non-secret note for log and audit: at most 16, name and value 256 bytes each. */
  annotate(name: string, value: string): Allow<Written> {
    return this.#but({ notes: withAnnotation(this.notes, name, value) });
  }

  /** A note for the caller's developer: at most 16 of 256 bytes. */
  warn(text: string): Allow<Written> {
    return this.#but({ notes: withWarning(this.notes, text) });
  }

  /** Lets the gateway answer equal views alike for that long; takes `cacheable: true` on the binding (C34). */
  cacheFor(ttlMs: number, tags: readonly string[] = []): Allow<Written> {
    return this.#but({ reuse: { ...this.reuse, cache: cachePolicy(ttlMs, tags) } });
  }

  /** Has a long-lived exchange reviewed again after that many milliseconds (C36). */
  validFor(milliseconds: number): Allow<Written> {
    if (!Number.isInteger(milliseconds) || milliseconds < LIMITS.timeoutMs.min || milliseconds > 0xffff_ffff) {
      throw new InvalidVerdictError("valid_for", `${milliseconds} is not a whole number of milliseconds, 10 or more`);
    }
    return this.#but({ reuse: { ...this.reuse, validForMs: milliseconds } });
  }

  #with<P extends string>(change: Change): Allow<Written | P> {
    // each method above names in its return type the very pointer it puts here
    const written = [...this.written, change.pointer as P];
    return new Allow({ written, changes: [...this.changes, change], notes: this.notes, reuse: this.reuse });
  }

  #but(parts: { readonly notes?: Notes; readonly reuse?: Reuse }): Allow<Written> {
    return new Allow({ written: this.written, changes: this.changes, notes: this.notes, reuse: this.reuse, ...parts });
  }
}

/** For how long a verdict holds; empty: for this exchange only. */
export interface Reuse {
  readonly cache?: { readonly ttlMs: number; readonly tags: readonly string[] };
  readonly validForMs?: number;
}

const ALLOW: Allow = new Allow({ written: [], changes: [], notes: NO_NOTES, reuse: {} });
