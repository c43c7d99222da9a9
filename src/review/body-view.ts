import { checkJson, parseJson, type Json } from "@sallyport/contract/json.ts";
import type { BodyFormat } from "@sallyport/contract/phase.ts";
import { err, ok, type Result } from "../model/result.ts";
import type { BodyView } from "../ports/review-client.ts";
import type { Unreviewable } from "./failure-answer.ts";
import { parseMediaType, type MediaType } from "./media-type.ts";

/** A body in identity coding as a binding wants to see it, or why it cannot be shown (C24, C18). */
export function toBodyView(
  bytes: Uint8Array,
  format: BodyFormat,
  contentType: string | undefined,
): Result<BodyView, Unreviewable> {
  if (format === "bytes") return ok({ format, bytes });
  const media = parseMediaType(contentType ?? "");
  if (media === undefined && contentType !== undefined) return unsupported("its content-type cannot be read in one way only");
  if (format === "json" && !isJsonType(media?.type ?? ""))
    return unsupported("its content-type is not application/json and does not end in +json");
  const charset = charsetOf(media);
  if (charset === undefined) return unsupported("its charset is not utf-8");
  const text = decodeText(bytes, charset);
  if (text === undefined) return err({ kind: "malformed", message: `it is not valid ${charset}` });
  if (format === "text") return ok({ format, text });
  const problem = checkJson(text);
  if (problem === undefined) return ok(jsonView(text));
  return err({ kind: "malformed", message: `it is not acceptable JSON (${problem.kind} at offset ${problem.offset})` });
}

/** A view of text that was checked. Its value, which can be thirty times as large, is made when somebody first asks for it. */
export function jsonView(text: string): Extract<BodyView, { readonly format: "json" }> {
  let value: Json | undefined;
  return {
    format: "json",
    text,
    get value() {
      return (value ??= parsed(text));
    },
  };
}

function parsed(text: string): Json {
  const value = parseJson(text);
  // checking and parsing read the same grammar
  if (!value.ok) throw new Error(`checked JSON does not parse: ${value.error.kind} at ${value.error.offset}`);
  return value.value;
}

const unsupported = (message: string): Result<never, Unreviewable> => err({ kind: "unsupported", message });

const isJsonType = (type: string): boolean => type === "application/json" || type.endsWith("+json");

/** The charset a body is read in; undefined for one that is not. */
function charsetOf(media: MediaType | undefined): "utf-8" | "us-ascii" | undefined {
  const named = media?.parameters.get("charset")?.toLowerCase() ?? "utf-8";
  if (named === "utf-8" || named === "utf8") return "utf-8";
  return named === "us-ascii" ? "us-ascii" : undefined;
}

// throws on bytes that are not UTF-8, keeps a byte order mark: what a view shows is what the bytes say
const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function decodeText(bytes: Uint8Array, charset: "utf-8" | "us-ascii"): string | undefined {
  // "ASCII" with other bytes in it is read in whatever way its reader likes
  if (charset === "us-ascii" && bytes.some((byte) => byte > 0x7f)) return undefined;
  try {
    return UTF8.decode(bytes);
  } catch {
    return undefined;
  }
}
