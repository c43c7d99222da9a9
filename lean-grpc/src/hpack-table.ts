/** Name and value of a header field, as text with one character a byte. */
export type Field = readonly [name: string, value: string];

/** The static table of RFC 7541 appendix A; its first entry has index 1. */
export const STATIC_TABLE: readonly Field[] = [
  [":authority", ""],
  [":method", "GET"],
  [":method", "POST"],
  [":path", "/"],
  [":path", "/index.html"],
  [":scheme", "http"],
  [":scheme", "https"],
  [":status", "200"],
  [":status", "204"],
  [":status", "206"],
  [":status", "304"],
  [":status", "400"],
  [":status", "404"],
  [":status", "500"],
  ["accept-charset", ""],
  ["accept-encoding", "gzip, deflate"],
  ["accept-language", ""],
  ["accept-ranges", ""],
  ["accept", ""],
  ["access-control-allow-origin", ""],
  ["age", ""],
  ["allow", ""],
  ["authorization", ""],
  ["cache-control", ""],
  ["content-disposition", ""],
  ["content-encoding", ""],
  ["content-language", ""],
  ["content-length", ""],
  ["content-location", ""],
  ["content-range", ""],
  ["content-type", ""],
  ["cookie", ""],
  ["date", ""],
  ["etag", ""],
  ["expect", ""],
  ["expires", ""],
  ["from", ""],
  ["host", ""],
  ["if-match", ""],
  ["if-modified-since", ""],
  ["if-none-match", ""],
  ["if-range", ""],
  ["if-unmodified-since", ""],
  ["last-modified", ""],
  ["link", ""],
  ["location", ""],
  ["max-forwards", ""],
  ["proxy-authenticate", ""],
  ["proxy-authorization", ""],
  ["range", ""],
  ["referer", ""],
  ["refresh", ""],
  ["retry-after", ""],
  ["server", ""],
  ["set-cookie", ""],
  ["strict-transport-security", ""],
  ["transfer-encoding", ""],
  ["user-agent", ""],
  ["vary", ""],
  ["via", ""],
  ["www-authenticate", ""],
];

/** What an entry costs beside its text (RFC 7541 section 4.1). */
const ENTRY_BYTES = 32;

/** Size of an entry as both sides count it. */
export const fieldBytes = ([name, value]: Field): number => name.length + value.length + ENTRY_BYTES;

/** The dynamic table of one direction of a connection: newest first, oldest evicted. Bounded by its size in bytes. */
export class DynamicTable {
  readonly #entries: Field[] = [];
  #bytes = 0;
  #maxBytes: number;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get maxBytes(): number {
    return this.#maxBytes;
  }

  /** By its index on the wire, static entries included; undefined where there is none. */
  at(index: number): Field | undefined {
    return index <= STATIC_TABLE.length ? STATIC_TABLE[index - 1] : this.#entries[index - STATIC_TABLE.length - 1];
  }

  /** Index on the wire of an entry with exactly this name and value; 0: none. */
  indexOf(name: string, value: string): number {
    const index = this.#entries.findIndex((entry) => entry[0] === name && entry[1] === value);
    return index < 0 ? 0 : STATIC_TABLE.length + 1 + index;
  }

  /** Adds an entry; one that is too large for the table empties it (RFC 7541 section 4.4). */
  add(field: Field): void {
    const bytes = fieldBytes(field);
    this.#shrinkTo(this.#maxBytes - bytes);
    if (bytes > this.#maxBytes) return;
    this.#entries.unshift(field);
    this.#bytes += bytes;
  }

  /** Another size: what no longer fits is evicted. */
  resize(maxBytes: number): void {
    this.#maxBytes = maxBytes;
    this.#shrinkTo(maxBytes);
  }

  #shrinkTo(bytes: number): void {
    while (this.#bytes > Math.max(bytes, 0)) {
      const oldest = this.#entries.pop();
      if (oldest === undefined) return;
      this.#bytes -= fieldBytes(oldest);
    }
  }
}
