import type { CredentialSlot } from "../../model/plan.ts";
import { err, ok, type Result } from "../../model/result.ts";
import { written } from "./primitives.ts";

/** Where a credential stands: the client's for an authenticator, or the gateway's own for an upstream. */
export const credentialSlot = written<CredentialSlot>({
  title: "credential slot",
  expected: "bearer, header/<name> or query/<name>",
  pattern: "^(bearer|header/.+|query/.+)$",
  parse: parseSlot,
});

/** Reads `bearer`, `header/<name>` or `query/<name>`; the error says what was expected. */
export function parseSlot(text: string): Result<CredentialSlot, string> {
  if (text === "bearer") return ok({ kind: "bearer" });
  const [, kind, name = ""] = /^(header|query)\/(.{1,256})$/.exec(text) ?? [];
  if (kind === "query" && !/[\u0000-\u001f\u007f]/.test(name)) return ok({ kind, name });
  if (kind !== "header" || !/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/.test(name))
    return err("expected bearer, header/<name> or query/<name>");
  const header = name.toLowerCase();
  if (header === "authorization") return err("expected bearer instead of header/authorization");
  if (NO_CREDENTIAL_HEADERS.has(header)) return err("expected a header that has no meaning of its own");
  return ok({ kind, name: header });
}

/** Framing, hop-by-hop and message headers. */
const NO_CREDENTIAL_HEADERS: ReadonlySet<string> = new Set([
  ...["connection", "content-encoding", "content-length", "content-type", "date", "expect", "host", "keep-alive"],
  ...["proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "via"],
]);
