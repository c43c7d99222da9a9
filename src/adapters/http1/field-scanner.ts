/** What a block begins with: the line of a request or of a response, or with its first field. */
export type BlockKind = "request" | "response" | "trailers";

/** How far a scan came. `complete`: the empty line was found. `refused`: `fault` says why, for good. */
export type ScanProgress = "more" | "complete" | "refused";

/** Ceilings on one block. */
export interface FieldLimits {
  readonly maxFields: number;
  /** Longest field name, bytes. */
  readonly maxNameBytes: number;
}

/** Room for this many fields is made at first, and kept. */
const USUAL_FIELDS = 32;
const KEPT_FIELDS = 256;

/** An unfinished line longer than this is looked at again only when a LF came: pieces of one byte cost no more than linear time. */
const LONG_LINE_BYTES = 1024;

/**
 * Finds the lines of a head, or of trailers, in bytes that may not be all there yet, and refuses what two readers could take
 * differently: lines ended by anything but CRLF, folded lines, white space around a name, control characters (RFC 9112
 * sections 2.2, 4, 5). Nothing is copied: what is found is remembered as offsets from where the block begins.
 */
export class FieldScanner {
  readonly #kind: BlockKind;
  readonly #limits: FieldLimits;
  /** Four per field: where its name and its trimmed value begin and end. */
  marks = new Int32Array(USUAL_FIELDS * 4);
  fieldCount = 0;
  /** Behind the empty line, once complete. */
  end = 0;
  /** Minor version and status of the status line. */
  minor = 0;
  status = 0;
  /** Where the method of a request line ends, behind which comes one space; and where its target does. */
  methodEnd = 0;
  requestTargetEnd = 0;
  fault = "";
  /** Where the first unread line begins, and up to where it was looked at. */
  #lineStart = 0;
  #seen = 0;

  constructor(kind: BlockKind, limits: FieldLimits) {
    this.#kind = kind;
    this.#limits = limits;
  }

  /** Forgets everything. */
  begin(): void {
    this.fieldCount = 0;
    this.end = 0;
    this.#lineStart = 0;
    this.#seen = 0;
    if (this.marks.length > KEPT_FIELDS * 4) this.marks = new Int32Array(USUAL_FIELDS * 4);
  }

  /** Reads on in `bytes[start … stop)`, which holds the block from its first byte, earlier pieces included. */
  scan(bytes: Uint8Array, start: number, stop: number): ScanProgress {
    const available = stop - start;
    const unread = this.#seen - this.#lineStart;
    if (unread > LONG_LINE_BYTES && bytes.subarray(start + this.#seen, stop).indexOf(LF) < 0) {
      this.#seen = available;
      return "more";
    }
    let at = this.#lineStart;
    while (this.end === 0) {
      const next =
        at === 0 && this.#kind !== "trailers"
          ? this.#firstLine(bytes, start, stop)
          : this.#fieldLine(bytes, start, start + at, stop);
      if (next === REFUSED) return "refused";
      if (next === MORE) {
        this.#lineStart = at;
        this.#seen = available;
        return "more";
      }
      at = next - start;
    }
    return "complete";
  }

  #firstLine(bytes: Uint8Array, start: number, stop: number): number {
    return this.#kind === "request" ? this.#requestLine(bytes, start, stop) : this.#statusLine(bytes, start, stop);
  }

  // RFC 9112 section 3: single spaces, a target of visible ASCII, and the version to the letter
  #requestLine(bytes: Uint8Array, start: number, stop: number): number {
    let at = start;
    while (at < stop && isMethodByte(bytes[at] ?? 0)) at += 1;
    if (at - start > MAX_METHOD_BYTES) return this.#refuse("method too long");
    if (at === stop) return MORE;
    if (at === start || bytes[at] !== SPACE) return this.#refuse("illegal method");
    this.methodEnd = at - start;
    at += 1;
    const targetStart = at;
    while (at < stop && (bytes[at] ?? 0) > SPACE && (bytes[at] ?? 0) < DELETE) at += 1;
    if (at === stop) return MORE;
    if (at === targetStart || bytes[at] !== SPACE) return this.#refuse("illegal request target");
    this.requestTargetEnd = at - start;
    at += 1;
    for (let i = 0; i < VERSION.length; i += 1, at += 1) {
      if (at === stop) return MORE;
      if (bytes[at] !== VERSION[i]) return this.#refuse("no HTTP/1 request line");
    }
    if (at === stop) return MORE;
    this.minor = (bytes[at] ?? 0) - ZERO;
    if (this.minor !== 0 && this.minor !== 1) return this.#refuse("HTTP version is neither 1.0 nor 1.1");
    return this.#lineEnd(bytes, at + 1, stop);
  }

  // RFC 9112 section 4; the space behind the status may be missing with the reason, as many write it
  #statusLine(bytes: Uint8Array, start: number, stop: number): number {
    for (let i = 0; i < VERSION.length; i += 1) {
      if (start + i >= stop) return MORE;
      if (bytes[start + i] !== VERSION[i]) return this.#refuse("no HTTP/1 status line");
    }
    if (stop - start < STATUS_LINE_BYTES) return MORE;
    const minor = (bytes[start + 7] ?? 0) - ZERO;
    let status = 0;
    for (let i = 9; i < 12; i += 1) {
      const digit = (bytes[start + i] ?? 0) - ZERO;
      if (digit < 0 || digit > 9) return this.#refuse("status is not three digits");
      status = status * 10 + digit;
    }
    if ((minor !== 0 && minor !== 1) || bytes[start + 8] !== SPACE) return this.#refuse("HTTP version is neither 1.0 nor 1.1");
    this.minor = minor;
    this.status = status;
    let at = start + 12;
    if (bytes[at] !== SPACE && bytes[at] !== CR) return this.#refuse("status is not three digits");
    while (at < stop && (CLASS[bytes[at] ?? 0] ?? 0) >= VALUE) at += 1;
    return this.#lineEnd(bytes, at, stop);
  }

  #fieldLine(bytes: Uint8Array, start: number, lineStart: number, stop: number): number {
    let at = lineStart;
    while (at < stop && CLASS[bytes[at] ?? 0] === NAME) at += 1;
    const { maxNameBytes } = this.#limits;
    if (at === stop) return at - lineStart > maxNameBytes ? this.#refuse("header name too long") : MORE;
    const nameEnd = at;
    if (nameEnd === lineStart && bytes[at] === CR) return this.#emptyLine(bytes, start, at, stop);
    if (nameEnd === lineStart || bytes[at] !== COLON) return this.#refuse("illegal header name");
    if (nameEnd - lineStart > maxNameBytes) return this.#refuse("header name too long");
    at += 1;
    while (at < stop && (bytes[at] === SPACE || bytes[at] === TAB)) at += 1;
    const valueStart = at;
    while (at < stop && (CLASS[bytes[at] ?? 0] ?? 0) >= VALUE) at += 1;
    const next = this.#lineEnd(bytes, at, stop);
    if (next < 0) return next;
    let valueEnd = at;
    while (valueEnd > valueStart && (bytes[valueEnd - 1] === SPACE || bytes[valueEnd - 1] === TAB)) valueEnd -= 1;
    const { maxFields } = this.#limits;
    if (this.fieldCount === maxFields) return this.#refuse(`more than ${maxFields} header lines`);
    const mark = this.fieldCount * 4;
    if (mark === this.marks.length) this.#makeRoom();
    this.marks[mark] = lineStart - start;
    this.marks[mark + 1] = nameEnd - start;
    this.marks[mark + 2] = valueStart - start;
    this.marks[mark + 3] = valueEnd - start;
    this.fieldCount += 1;
    return next;
  }

  #makeRoom(): void {
    const larger = new Int32Array(this.marks.length * 2);
    larger.set(this.marks);
    this.marks = larger;
  }

  #emptyLine(bytes: Uint8Array, start: number, at: number, stop: number): number {
    const next = this.#lineEnd(bytes, at, stop);
    if (next > 0) this.end = next - start;
    return next;
  }

  /** Behind the CRLF that has to stand at `at`. */
  #lineEnd(bytes: Uint8Array, at: number, stop: number): number {
    if (at === stop) return MORE;
    if (bytes[at] !== CR) return this.#refuse("control character in the head");
    if (at + 1 === stop) return MORE;
    return bytes[at + 1] === LF ? at + 2 : this.#refuse("CR without LF");
  }

  #refuse(fault: string): number {
    this.fault = fault;
    return REFUSED;
  }
}

const MORE = -1;
const REFUSED = -2;

const TAB = 0x09;
const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const ZERO = 0x30;
const COLON = 0x3a;

const DELETE = 0x7f;
const DASH = 0x2d;

/** Longer than any method there is. */
const MAX_METHOD_BYTES = 32;

// capital letters and the dash of M-SEARCH: no known method has others
const isMethodByte = (byte: number): boolean => (byte >= 0x41 && byte <= 0x5a) || byte === DASH;

const VERSION = Buffer.from("HTTP/1.", "latin1");

/** `HTTP/1.1 200` and one byte more. */
const STATUS_LINE_BYTES = 13;

/** What a byte may be part of. Whatever may stand in a name may stand in a value. */
const VALUE = 1;
const NAME = 2;

const CLASS = byteClasses();

function byteClasses(): Uint8Array {
  const classes = new Uint8Array(256);
  for (let byte = 0; byte < 256; byte += 1) {
    if (byte === TAB || (byte >= SPACE && byte !== 0x7f)) classes[byte] = VALUE;
    if (/[!#$%&'*+.^_`|~0-9A-Za-z-]/.test(String.fromCharCode(byte))) classes[byte] = NAME;
  }
  return classes;
}
