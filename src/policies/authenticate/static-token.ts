import type { CredentialSlot } from "../../model/credential-slot.ts";
import type { Secret } from "../../model/secret.ts";
import type { Authenticator } from "../../ports/authenticator.ts";
import { equalInConstantTime } from "../../support/constant-time.ts";
import { sha256Hex } from "../../support/hash.ts";
import { presentedCredential } from "./presented-credential.ts";
import { principalOf, type KnownPrincipal } from "./principal.ts";

/** One token for one principal. */
export interface StaticTokenSettings {
  readonly name: string;
  /** At least one. */
  readonly slots: readonly CredentialSlot[];
  readonly token: Secret;
  readonly principal: KnownPrincipal;
}

/** Accepts exactly one token. Keeps only its digest; digests are compared in constant time. */
export function staticToken(settings: StaticTokenSettings): Authenticator {
  const digest = sha256Hex(settings.token.reveal());
  const principal = principalOf(settings.principal, "static-token");
  return {
    name: settings.name,
    authenticate(head) {
      const presented = presentedCredential(head, settings.slots);
      if (presented.kind === "absent") return { kind: "absent" };
      if (presented.kind === "malformed") return { kind: "invalid", detail: presented.detail };
      if (!equalInConstantTime(sha256Hex(presented.text), digest))
        return { kind: "invalid", detail: "The credential is not accepted." };
      return { kind: "principal", principal };
    },
  };
}
