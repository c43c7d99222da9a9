/** Who makes a request, as far as an authenticator vouches for it. */
export interface Principal {
  readonly id: string;
  readonly anonymous: boolean;
  /** Kind of authenticator, for example `api-key`; `anonymous` without one. */
  readonly type: string;
  readonly tenants: readonly string[];
  readonly scopes: readonly string[];
  readonly roles: readonly string[];
  /** JSON object text of further claims; empty without any. */
  readonly claimsJson: string;
}

/** The caller nobody vouches for. */
export const ANONYMOUS: Principal = {
  id: "",
  anonymous: true,
  type: "anonymous",
  tenants: [],
  scopes: [],
  roles: [],
  claimsJson: "",
};
