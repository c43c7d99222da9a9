import { parseJson } from "@sallyport/contract/json.ts";
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
  const parsed = parseJson(text);
  if (!parsed.ok)
    return err({
      kind: "malformed",
      message: `it is not acceptable JSON (${parsed.error.kind} at offset ${parsed.error.offset})`,
    });
  return ok({ format, text, value: parsed.value });
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
