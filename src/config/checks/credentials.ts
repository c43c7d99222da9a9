import type { ConfigIssue } from "../../model/config-issue.ts";
import type { Cursor } from "../source/cursor.ts";

/** An upstream's credential comes from exactly one place, goes to exactly one, and can be sent. */
export function checkCredentials(config: Cursor): readonly ConfigIssue[] {
  return config
    .get("upstreams")
    .entries()
    .flatMap(([, upstream]) => {
      const credential = upstream.get("credential");
      if (credential.node?.kind !== "map") return [];
      const slot = credential.get("slot");
      const preset = credential.get("preset");
      if (slot.node !== undefined && preset.node !== undefined) return preset.issue("expected slot or preset, found both");
      if (slot.node === undefined && preset.node === undefined)
        return credential.issueMissing("slot", "expected slot or preset, found neither");
      const secret = credential.get("secret");
      const file = credential.get("secret_file");
      if (secret.node !== undefined && file.node !== undefined) return secret.issue("expected secret or secret_file, found both");
      if (secret.node === undefined && file.node === undefined)
        return credential.issueMissing("secret_file", "expected secret or secret_file, found neither");
      const text = secret.text();
      return text !== undefined && !isCredentialText(text)
        ? secret.issue("expected a credential of visible ASCII characters")
        : [];
    });
}

/** Whether a text can stand in a header as a credential: visible ASCII, spaces inside. */
export const isCredentialText = (text: string): boolean => /^[\x21-\x7e]([\x20-\x7e]{0,16383}[\x21-\x7e])?$/.test(text);
