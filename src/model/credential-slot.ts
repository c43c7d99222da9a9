/** A credential slot: where in a request a credential may stand. */
export type CredentialSlot =
  | OwnCredentialSlot
  /** A subprotocol a client offers for a WebSocket: this prefix, in lower case, and behind it the credential. */
  | { readonly kind: "websocket-protocol"; readonly prefix: string };

/** Where the gateway puts a credential of its own. */
export type OwnCredentialSlot =
  | { readonly kind: "bearer" }
  | { readonly kind: "header"; readonly name: string }
  | { readonly kind: "query"; readonly name: string };
