import { type Notes, NO_NOTES } from "./notes.ts";

/**
 * The exchange ends with a problem: `status` 400 to 599, `code` a stable name for programs
 * (`[a-z][a-z0-9_]{0,63}`), `message` one public sentence of at most 1 KiB.
 * Never throws: a denial with a bad detail is still a denial (C8). What is wrong with it is defaulted or left out, and
 * logged by the server.
 */
export const deny = (status: number, code: string, message: string, more: DenyDetails = {}): Deny =>
  new Deny({ status, code, message, more, notes: NO_NOTES });

/** What a denial may carry besides its sentence. */
export interface DenyDetails {
  /** `retry-after`, `www-authenticate`, `ratelimit*`, and what the operator granted (C9). */
  readonly headers?: { readonly [name: string]: string | number | readonly string[] };
  /** JSON value carried as a member of the problem. */
  readonly body?: unknown;
  /** gRPC status for gRPC clients, 1 to 16; derived from `status` when absent (C16). */
  readonly grpcCode?: number;
}

/** A deny verdict; each step returns a new one. */
export class Deny {
  readonly kind = "deny";
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly more: DenyDetails;
  readonly notes: Notes;
  /** Absent: the denial is for this exchange only. */
  readonly cache: DenyCache | undefined;

  constructor(parts: Pick<Deny, "status" | "code" | "message" | "more" | "notes"> & { readonly cache?: DenyCache | undefined }) {
    this.status = parts.status;
    this.code = parts.code;
    this.message = parts.message;
    this.more = parts.more;
    this.notes = parts.notes;
    this.cache = parts.cache;
  }

  /** A non-secret note for log and audit; beyond 16, or 256 bytes, it is left out. */
  annotate(name: string, value: string): Deny {
    const annotations = [...this.notes.annotations, { name, value }];
    return this.#with({ notes: { ...this.notes, annotations } });
  }

  /** A note for the caller's developer; beyond 16, or 256 bytes, it is left out. */
  warn(text: string): Deny {
    return this.#with({ notes: { ...this.notes, warnings: [...this.notes.warnings, text] } });
  }

  /**
   * Lets the gateway deny equal views alike for that many milliseconds; takes `cacheable: true` on the binding (C34). What is wrong with
   * it is left out: the denial is then for this exchange only.
   */
  cacheFor(ttlMs: number, tags: readonly string[] = []): Deny {
    return this.#with({ cache: { ttlMs, tags } });
  }

  #with(parts: Partial<Pick<Deny, "notes" | "cache">>): Deny {
    const { status, code, message, more, notes, cache } = this;
    return new Deny({ status, code, message, more, notes, cache, ...parts });
  }
}

/** How long, and under which names to revoke it, a denial may be given again. */
export interface DenyCache {
  readonly ttlMs: number;
  readonly tags: readonly string[];
}
