import type { CredentialSlot } from "../../model/credential-slot.ts";
import type { Authenticator } from "../../ports/authenticator.ts";
import type { Clock } from "../../ports/clock.ts";
import { equalInConstantTime } from "../../support/constant-time.ts";
import { sha256Hex } from "../../support/hash.ts";
import { presentedCredential } from "./presented-credential.ts";
import { principalOf, type KnownPrincipal } from "./principal.ts";

/** Api keys known by their hashes. */
export interface ApiKeySettings {
  readonly name: string;
  /** At least one. */
  readonly slots: readonly CredentialSlot[];
  readonly apiKeys: readonly ApiKey[];
}

/** One api key. */
export interface ApiKey {
  /** Hex SHA-256 of the api key's text. */
  readonly sha256: string;
  readonly principal: KnownPrincipal;
  /** Wall-clock epoch milliseconds; undefined: never. What is no number counts as past. */
  readonly expiresAtMs: number | undefined;
}

/**
 * Accepts the api keys of a list. A presented one is looked up by its hash, which an attacker cannot steer digit by digit, and
 * the hash found is compared in constant time all the same. Who holds an expired api key is told so; nobody else learns it exists.
 */
export function apiKey(settings: ApiKeySettings, deps: { readonly clock: Clock }): Authenticator {
  const known = new Map(
    settings.apiKeys.map((entry) => [entry.sha256.toLowerCase(), { entry, principal: principalOf(entry.principal, "api-key") }]),
  );
  return {
    name: settings.name,
    authenticate(head) {
      const presented = presentedCredential(head, settings.slots);
      if (presented.kind === "absent") return { kind: "absent" };
      if (presented.kind === "malformed") return { kind: "invalid", detail: presented.detail };
      const digest = sha256Hex(presented.text);
      const found = known.get(digest);
      if (found === undefined || !equalInConstantTime(found.entry.sha256.toLowerCase(), digest)) {
        return { kind: "invalid", detail: "The credential is not accepted." };
      }
      if (!isCurrent(found.entry, deps.clock)) return { kind: "invalid", detail: "The api key has expired." };
      return { kind: "principal", principal: found.principal };
    },
  };
}

// written so that NaN is not current
const isCurrent = ({ expiresAtMs }: ApiKey, clock: Clock): boolean => expiresAtMs === undefined || clock.wallMs() < expiresAtMs;
