import type { RequestHead } from "../../model/exchange.ts";
import type { CredentialSlot } from "../../model/credential-slot.ts";
import { QueryText } from "../../model/query-text.ts";
import { startsWithPrefix } from "../../support/credential-subprotocols.ts";

/** What stands in an authenticator's slots. `malformed` is a credential nobody could accept: the detail says why, never what. */
export type PresentedCredential =
  | { readonly kind: "absent" }
  | { readonly kind: "presented"; readonly text: string }
  | { readonly kind: "malformed"; readonly detail: string };

/**
 * Reads the one credential of a request. In the slots of one authenticator there may be one: with two, which of them counts
 * would depend on the reader. `bearer` is an Authorization header of scheme Bearer, one space, one token68 (RFC 6750
 * section 2.1); another scheme is no credential in this slot. A header or query slot holds visible ASCII, a subprotocol the characters of a token.
 */
export function presentedCredential(head: RequestHead, slots: readonly CredentialSlot[]): PresentedCredential {
  let found: PresentedCredential = { kind: "absent" };
  for (const slot of slots) {
    const here = inSlot(head, slot);
    if (here.kind === "malformed") return here;
    if (here.kind === "absent") continue;
    if (found.kind !== "absent") return malformed("More than one credential was sent.");
    found = here;
  }
  return found;
}

const malformed = (detail: string): PresentedCredential => ({ kind: "malformed", detail });

function inSlot(head: RequestHead, slot: CredentialSlot): PresentedCredential {
  switch (slot.kind) {
    case "bearer":
      return bearer(head.headers.lines("authorization"));
    case "header":
      return single(head.headers.lines(slot.name), `The header ${slot.name}`);
    case "query":
      return single(
        head.query === undefined ? [] : new QueryText(head.query).values(slot.name),
        `The query parameter ${slot.name}`,
      );
    case "websocket-protocol":
      return single(
        (head.credentialSubprotocols ?? [])
          .filter((member) => startsWithPrefix(member, slot.prefix))
          .map((member) => member.slice(slot.prefix.length)),
        `The subprotocol ${slot.prefix}`,
      );
    default:
      return slot satisfies never;
  }
}

function bearer(lines: readonly string[]): PresentedCredential {
  if (!lines.some((line) => BEARER_SCHEME.test(line))) return { kind: "absent" };
  if (lines.length > 1) return malformed("The Authorization header must stand once.");
  const text = BEARER.exec(lines[0] ?? "")?.[1];
  return text === undefined
    ? malformed("The Authorization header must read Bearer, one space, one credential.")
    : { kind: "presented", text };
}

const BEARER_SCHEME = /^\s*bearer(?![!#$%&'*+.^_`|~0-9a-z-])/i;
const BEARER = /^bearer ([A-Za-z0-9._~+/-]+=*)$/i;

function single(values: readonly string[], what: string): PresentedCredential {
  const [text] = values;
  if (text === undefined) return { kind: "absent" };
  if (values.length > 1) return malformed(`${what} must stand once.`);
  return /^[\x21-\x7e]+$/.test(text) ? { kind: "presented", text } : malformed(`${what} holds no credential.`);
}
