import { isHeaderName, isHeaderValue } from "./header-text.ts";
import { FIXED_LIMITS } from "./limits.ts";
import { isProtectedHeader } from "./protected-header.ts";
import { err, ok, type Result } from "./result.ts";
import type { HeaderLine } from "./verdict-types.ts";

/** What a denial may carry besides the headers of every denial (C9, C23). */
export interface DenialGrant {
  readonly mayCarry?: ((name: string) => boolean) | undefined;
  readonly maySetCookies?: boolean | undefined;
}

/** The header lines of a denial that it may carry (C9); the others are left out. */
export function denialHeaders(lines: readonly HeaderLine[], grant: DenialGrant): readonly HeaderLine[] {
  return lines
    .filter(({ name, value }) => isHeaderName(name) && isHeaderValue(value) && mayDenyWith(name, grant))
    .slice(0, FIXED_LIMITS.verdictHeaders)
    .map(({ name, value }) => ({ name, value }));
}

/** The header lines of a respond verdict, or why they cannot be sent. Errors hold no text of the interceptor. */
export function respondHeaders(lines: readonly HeaderLine[], maySetCookies: boolean): Result<readonly HeaderLine[]> {
  if (lines.length > FIXED_LIMITS.verdictHeaders) return err(`more than ${FIXED_LIMITS.verdictHeaders} headers`);
  for (const { name, value } of lines) {
    if (!isHeaderName(name)) return err("a header name is a token in lower case");
    if (!isHeaderValue(value)) return err("a header line has a character that headers cannot carry");
    if (name === "set-cookie" ? !maySetCookies : isProtectedHeader("response", name)) {
      return err("a header that only the gateway writes, or that was not granted");
    }
  }
  return ok(lines.map(({ name, value }) => ({ name, value })));
}

function mayDenyWith(name: string, { mayCarry, maySetCookies }: DenialGrant): boolean {
  if (name === "set-cookie") return maySetCookies === true;
  if (name === "location" || isProtectedHeader("response", name)) return false;
  return name === "retry-after" || name === "www-authenticate" || name.startsWith("ratelimit") || mayCarry?.(name) === true;
}
