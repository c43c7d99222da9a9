import { H2_ERROR, Http2Violation, PREFACE } from "./frame.ts";

/** Reads what every client of HTTP/2 says first. */
export class PrefaceReader {
  /** What came of it; undefined: all of it did. */
  #before: Buffer | undefined = Buffer.alloc(0);

  /** The bytes behind the preface. Throws `Http2Violation` where the client says something else. */
  behind(chunk: Buffer): Buffer {
    if (this.#before === undefined) return chunk;
    const bytes = this.#before.length === 0 ? chunk : Buffer.concat([this.#before, chunk]);
    const compared = Math.min(bytes.length, PREFACE.length);
    if (bytes.compare(PREFACE, 0, compared, 0, compared) !== 0)
      throw new Http2Violation(H2_ERROR.PROTOCOL_ERROR, "a client that does not speak HTTP/2");
    this.#before = compared === PREFACE.length ? undefined : Buffer.from(bytes);
    return bytes.subarray(compared === PREFACE.length ? compared : bytes.length);
  }
}
