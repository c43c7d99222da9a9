import { isHeaderName, isHeaderValue } from "@sallyport/contract/header-text.ts";
import { fromPlain, type Json } from "@sallyport/contract/json.ts";
import { utf8Length } from "@sallyport/contract/json-pointer.ts";
import { FIXED_LIMITS } from "@sallyport/contract/limits.ts";
import type { CachePolicy, DenyVerdict, HeaderLine } from "@sallyport/contract/verdict.ts";
import { cachePolicy } from "./checked-value.ts";
import type { Deny, DenyDetails } from "./deny.ts";

/** A denial fit to be sent, and what had to be done to it, one sentence each. */
export interface CleanDenial {
  readonly verdict: DenialDraft;
  readonly defects: readonly string[];
}

/** A denial before it is encoded. */
export type DenialDraft = Omit<DenyVerdict, "defects">;

/**
 * The verdict of a denial. Total: whatever is wrong with it is defaulted or left out, and listed in `defects` for the
 * log; an exception here would turn "no" into a failed review, which may be let through (C8).
 */
export function denyVerdict(answer: Deny, terms: { readonly cacheable: boolean }): CleanDenial {
  try {
    return checkedDenial(answer, terms);
  } catch {
    // plain JavaScript can hand over values that cannot even be looked at
    return { verdict: BARE_DENIAL, defects: ["a detail could not be read: a bare denial is sent"] };
  }
}

const BARE_DENIAL: DenialDraft = {
  kind: "deny",
  status: 403,
  code: "review_denied",
  message: "",
  headers: [],
  annotations: [],
  warnings: [],
};

function checkedDenial(answer: Deny, { cacheable }: { readonly cacheable: boolean }): CleanDenial {
  const defects: string[] = [];
  const text = typeof answer.message === "string" ? answer.message.toWellFormed() : "";
  const message = cut(text, FIXED_LIMITS.messageBytes);
  if (message !== answer.message) defects.push("message is cut to 1 KiB of UTF-8");
  const code = typeof answer.code === "string" && /^[a-z][a-z0-9_]{0,63}$/.test(answer.code) ? answer.code : "review_denied";
  if (code !== answer.code) defects.push("code is not like quota_exceeded");
  const body = bodyOf(answer.more, defects);
  const grpcCode = grpcCodeOf(answer.more, defects);
  const cache = cacheOf(answer, cacheable, defects);
  const verdict: DenialDraft = {
    kind: "deny",
    status: statusOf(answer.status, defects),
    ...(grpcCode !== undefined && { grpcCode }),
    code,
    message,
    headers: linesOf(answer.more, defects),
    ...(body !== undefined && { body }),
    ...notesOf(answer, defects),
    ...(cache !== undefined && { cache }),
  };
  return { verdict, defects };
}

function statusOf(status: unknown, defects: string[]): number {
  if (typeof status === "number" && Number.isInteger(status) && status >= 400 && status <= 599) return status;
  defects.push("status is not 400 to 599: 403 is sent");
  return 403;
}

function grpcCodeOf({ grpcCode }: DenyDetails, defects: string[]): number | undefined {
  if (grpcCode === undefined || (Number.isInteger(grpcCode) && grpcCode >= 1 && grpcCode <= 16)) return grpcCode;
  defects.push("grpcCode is not 1 to 16: it is derived from the status");
  return undefined;
}

function bodyOf({ body }: DenyDetails, defects: string[]): Json | undefined {
  if (body === undefined) return undefined;
  const json = fromPlain(body);
  if (json.ok) return json.value;
  defects.push("body is no JSON value: it is left out");
  return undefined;
}

function cacheOf({ cache }: Deny, cacheable: boolean, defects: string[]): CachePolicy | undefined {
  if (cache === undefined) return undefined;
  if (!cacheable) {
    defects.push("cacheFor takes cacheable: true on the binding: the denial is for this exchange only");
    return undefined;
  }
  try {
    return cachePolicy(cache.ttlMs, cache.tags);
  } catch {
    defects.push("cacheFor has no legal time or tags: the denial is for this exchange only");
    return undefined;
  }
}

function linesOf({ headers }: DenyDetails, defects: string[]): readonly HeaderLine[] {
  const lines = Object.entries(headers ?? {}).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map((line) => ({ name, value: String(line) })),
  );
  const legal = lines.filter(({ name, value }) => isHeaderName(name) && isHeaderValue(value));
  if (legal.length < lines.length) defects.push("a header is no lower-case name with a legal value: it is left out");
  if (legal.length > FIXED_LIMITS.verdictHeaders) defects.push("more headers than a denial may carry: the rest is left out");
  return legal.slice(0, FIXED_LIMITS.verdictHeaders);
}

function notesOf({ notes }: Deny, defects: string[]): Pick<DenyVerdict, "annotations" | "warnings"> {
  const { annotations, annotationBytes, warnings, warningBytes } = FIXED_LIMITS;
  const fits = (text: unknown, maxBytes: number): boolean =>
    typeof text === "string" && text.isWellFormed() && utf8Length(text) <= maxBytes;
  const kept = {
    annotations: notes.annotations
      .filter(({ name, value }) => fits(name, annotationBytes) && fits(value, annotationBytes))
      .slice(0, annotations),
    warnings: notes.warnings.filter((text) => fits(text, warningBytes)).slice(0, warnings),
  };
  if (kept.annotations.length < notes.annotations.length) defects.push("annotations beyond 16, or 256 bytes, are left out");
  if (kept.warnings.length < notes.warnings.length) defects.push("warnings beyond 16, or 256 bytes, are left out");
  return kept;
}

function cut(text: string, maxBytes: number): string {
  if (utf8Length(text) <= maxBytes) return text;
  let bytes = 0;
  let kept = "";
  for (const character of text) {
    bytes += utf8Length(character);
    if (bytes > maxBytes) break;
    kept += character;
  }
  return kept;
}
