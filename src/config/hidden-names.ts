import type { CredentialSlot } from "../model/credential-slot.ts";

/** What no view shows and no patch touches (C23): names of headers in lower case, of query parameters, and prefixes of subprotocols in lower case. */
export interface HiddenNames {
  readonly headers: ReadonlySet<string>;
  readonly query: ReadonlySet<string>;
  readonly subprotocols: ReadonlySet<string>;
}

/** Carry credentials whether or not an authenticator looks there; `set-cookie` carries the client's next one. */
const ALWAYS_HIDDEN = ["authorization", "proxy-authorization", "cookie", "set-cookie"] as const;

/** The credential slots of the whole configuration (authenticators and upstreams) and the operator's own list. */
export function hiddenNames(
  slots: Iterable<CredentialSlot>,
  secrets: { readonly headers: readonly string[]; readonly query: readonly string[] },
): HiddenNames {
  const headers = new Set<string>([...ALWAYS_HIDDEN, ...secrets.headers.map((name) => name.toLowerCase())]);
  const query = new Set<string>(secrets.query);
  const subprotocols = new Set<string>();
  for (const slot of slots) {
    if (slot.kind === "header") headers.add(slot.name);
    if (slot.kind === "query") query.add(slot.name);
    if (slot.kind === "websocket-protocol") subprotocols.add(slot.prefix);
  }
  return { headers, query, subprotocols };
}
