import type { Principal } from "../../model/principal.ts";

/** Whom a configured credential stands for. */
export interface KnownPrincipal {
  readonly id: string;
  readonly tenants: readonly string[];
  readonly scopes: readonly string[];
}

/** The principal an authenticator of kind `type` vouches for. */
export const principalOf = (known: KnownPrincipal, type: string): Principal => ({
  id: known.id,
  anonymous: false,
  type,
  tenants: known.tenants,
  scopes: known.scopes,
  roles: [],
  claimsJson: "",
});
