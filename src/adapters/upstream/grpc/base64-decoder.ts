/** Decodes base64 as it comes. Several padded texts may follow each other, as clients of gRPC-Web send their frames. */
export class Base64Decoder {
  #rest = "";

  /** Whether nothing waits for its group to be completed. */
  get isWhole(): boolean {
    return this.#rest === "";
  }

  /** The bytes of all whole groups; undefined where it is no base64. */
  push(chunk: Uint8Array): Uint8Array | undefined {
    const text = this.#rest + Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString("latin1");
    if (!/^[A-Za-z0-9+/=]*$/.test(text)) return undefined;
    const whole = text.slice(0, text.length - (text.length % 4));
    this.#rest = text.slice(whole.length);
    const parts: Buffer[] = [];
    // up to each padding: behind one a text of its own begins
    for (const part of whole.match(/[^=]+={0,2}/g) ?? []) {
      if (part.length % 4 !== 0) return undefined;
      parts.push(Buffer.from(part, "base64"));
    }
    return whole.startsWith("=") ? undefined : Buffer.concat(parts);
  }
}
