import { createHash } from "node:crypto";

/** SHA-256 of UTF-8 text, lower-case hex. */
export const sha256Hex = (text: string): string => createHash("sha256").update(text, "utf8").digest("hex");

/** SHA-1 of ASCII text, base64: where a protocol asks for it (RFC 6455), never to protect anything. */
export const sha1Base64 = (text: string): string => createHash("sha1").update(text, "latin1").digest("base64");
