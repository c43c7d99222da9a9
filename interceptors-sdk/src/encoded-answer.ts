import { encodeVerdict, type VerdictDraft } from "@sallyport/contract/verdict.ts";
import type { DenialDraft } from "./deny-verdict.ts";
import { InvalidVerdictError } from "./errors.ts";

/**
 * A verdict as bytes. Throws `InvalidVerdictError` when it is larger than the gateway accepts; a denial sheds what it
 * can do without instead (C8).
 */
export function encodedAnswer(verdict: VerdictDraft, reviewId: string, maxBytes: number): Uint8Array {
  const bytes = encodeVerdict(verdict, reviewId);
  if (bytes.length <= maxBytes) return bytes;
  if (verdict.kind !== "deny") {
    throw new InvalidVerdictError("max_response_bytes", `the verdict has ${bytes.length} bytes; the gateway accepts ${maxBytes}`);
  }
  const lighter = [withoutBody(verdict), bare(verdict), { ...bare(verdict), message: "" }];
  const fitting = lighter.map((draft) => encodeVerdict(draft, reviewId)).find((draft) => draft.length <= maxBytes);
  return fitting ?? encodeVerdict({ ...bare(verdict), message: "" }, reviewId);
}

function withoutBody({ body: _body, cache: _cache, ...verdict }: DenialDraft): DenialDraft {
  return verdict;
}

const bare = (verdict: DenialDraft): DenialDraft => ({ ...withoutBody(verdict), headers: [], annotations: [], warnings: [] });
