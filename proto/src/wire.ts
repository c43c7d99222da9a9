import { BinaryReader } from "@bufbuild/protobuf/wire";

import { err, ok, type Result } from "./result.ts";
import { isWellFormedMessage } from "./wire-check.ts";
import { shapeOf } from "./wire-shape.ts";

/** Full name of the service, as health checks name it. */
export const SERVICE = "sallyport.interceptor.v1.Interceptor";

/** Paths of the service's methods (gRPC over HTTP/2, `:path`). */
export const METHODS = {
  describe: `/${SERVICE}/Describe`,
  review: `/${SERVICE}/Review`,
  watch: `/${SERVICE}/Watch`,
} as const satisfies Record<string, string>;

/** What generated code offers for each message. */
export interface Codec<T> {
  decode(input: BinaryReader | Uint8Array, length?: number): T;
}

/**
 * Decodes a message that came from outside: a request or answer of the service, nothing smaller.
 *
 * Refuses bytes that are not one well-formed message, and text that is not UTF-8 (never U+FFFD in its place).
 * Fields of a newer contract are skipped. Never throws.
 */
export function decodeStrict<T>(codec: Codec<T>, bytes: Uint8Array): Result<T> {
  const shape = shapeOf(codec);
  if (shape === undefined) return err("no message that travels on its own");
  if (!isWellFormedMessage(bytes, shape)) return err("not a well-formed message");
  try {
    return ok(codec.decode(new BinaryReader(bytes, decodeUtf8)));
  } catch {
    // what is left to fail is text: the structure was checked
    return err("not valid UTF-8, or no such message");
  }
}

// one decoder for all: without `stream` it keeps no state between calls. U+FEFF is text here, not a mark
const STRICT_UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

const decodeUtf8 = (bytes: Uint8Array): string => STRICT_UTF8.decode(bytes);
