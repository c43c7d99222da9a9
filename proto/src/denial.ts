import type { Deny, Verdict as WireVerdict } from "../gen/sallyport/interceptor/v1/interceptor.ts";
import { toCachePolicy } from "./cache-policy.ts";
import { parseJson } from "./json-parse.ts";
import { utf8Length } from "./json-pointer.ts";
import { FIXED_LIMITS } from "./limits.ts";
import { denialHeaders, type DenialGrant } from "./verdict-headers.ts";
import { keepNotes, withoutControl } from "./verdict-notes.ts";
import type { DenyVerdict, VerdictDefect } from "./verdict-types.ts";

/** What deciding on a denial's content needs to know of the binding. */
export interface DenialRules extends DenialGrant {
  readonly reservedCodes?: ReadonlySet<string> | undefined;
}

/** The denial of a verdict that has one, whatever else it has (C8, C9). Total: nothing makes it fail. */
export function denial(wire: WireVerdict, deny: Deny, rules: DenialRules): DenyVerdict {
  const notes = keepNotes(wire);
  const headers = denialHeaders(deny.headers, rules);
  const body = deny.bodyJson === "" ? undefined : parseJson(deny.bodyJson);
  const cache = toCachePolicy(wire.cache);
  const parts = {
    status: isDenialStatus(deny.httpStatus) ? deny.httpStatus : 403,
    code: CODE.test(deny.code) && rules.reservedCodes?.has(deny.code) !== true ? deny.code : "review_denied",
    message: messageOf(deny),
  };
  const defects: Readonly<Record<VerdictDefect, boolean>> = {
    allow: wire.allow !== undefined,
    respond: wire.respond !== undefined,
    patches: wire.patches.length > 0,
    status: parts.status !== deny.httpStatus,
    grpc_code: deny.grpcCode > 16,
    code: parts.code !== deny.code,
    message: parts.message !== deny.message,
    headers: headers.length < deny.headers.length,
    body: body?.ok === false,
    annotations: notes.annotations.length < wire.annotations.length,
    warnings: notes.warnings.length < wire.warnings.length,
    cache: !cache.ok,
  };
  return {
    kind: "deny",
    ...parts,
    ...(deny.grpcCode >= 1 && deny.grpcCode <= 16 ? { grpcCode: deny.grpcCode } : {}),
    headers,
    ...(body?.ok === true ? { body: body.value } : {}),
    ...notes,
    ...(cache.ok && cache.value !== undefined ? { cache: cache.value } : {}),
    defects: DEFECTS.filter((defect) => defects[defect]),
  };
}

const DEFECTS = [
  "allow",
  "respond",
  "patches",
  "status",
  "grpc_code",
  "code",
  "message",
  "headers",
  "body",
  "annotations",
  "warnings",
  "cache",
] as const satisfies readonly VerdictDefect[];

const CODE = /^[a-z][a-z0-9_]{0,63}$/;

const isDenialStatus = (status: number): boolean => status >= 400 && status <= 599;

function messageOf({ message }: Deny): string {
  const shown = withoutControl(cut(message)).trim();
  return shown === "" ? "The request was denied by a review." : shown;
}

/** The longest beginning of a text that fits into a message, never half of a character. */
function cut(text: string): string {
  const { messageBytes } = FIXED_LIMITS;
  if (utf8Length(text, messageBytes) <= messageBytes) return text;
  let cutText = "";
  let bytes = 0;
  for (const character of text) {
    bytes += utf8Length(character);
    if (bytes > messageBytes) break;
    cutText += character;
  }
  return cutText;
}
