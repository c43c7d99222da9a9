import type { RequestHead } from "../model/exchange.ts";
import type { Principal } from "../model/principal.ts";

/** What one authenticator found in a request. `invalid` ends the list: a bad credential is never a fall-through (C13). */
export type Authentication =
  | { readonly kind: "principal"; readonly principal: Principal }
  | { readonly kind: "absent" }
  | { readonly kind: "invalid"; readonly detail: string };

/** Turns a credential into a principal. Reads the client's original head, before any patch (C2). */
export interface Authenticator {
  readonly name: string;
  authenticate(head: RequestHead): Authentication | Promise<Authentication>;
}
