import { canonicalJson } from "../support/canonical-json.ts";
import { sha256Hex } from "../support/hash.ts";

/** What makes a shared resource the same thing. Hashed, because certificates' private keys are part of it. */
export const identityOf = (kind: string, parts: unknown): string => `${kind}:${sha256Hex(canonicalJson(parts))}`;
