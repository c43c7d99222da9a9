import type { SecureContext } from "node:tls";

/** How an upstream over TLS is known, and how we are. It is always verified. */
export interface UpstreamSecurity {
  /** Trusted authorities, and our own certificate where it asks for one. */
  readonly secureContext: SecureContext;
  /** Name or address its certificate must have; left out: the endpoint's host. */
  readonly serverName?: string;
}
