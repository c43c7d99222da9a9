import type { CredentialSlot, OwnCredentialSlot } from "../../model/credential-slot.ts";
import { err, ok, type Result } from "../../model/result.ts";
import { written } from "./primitives.ts";

const OWN_SLOTS = "bearer, header/<name> or query/<name>";
const SUBPROTOCOL = "websocket-protocol/";

/** Where a client's credential stands, for an authenticator. */
export const credentialSlot = written<CredentialSlot>({
  title: "credential slot",
  expected: "bearer, header/<name>, query/<name> or websocket-protocol/<prefix>",
  pattern: "^(bearer|header/.+|query/.+|websocket-protocol/.+)$",
  parse: parseSlot,
});

/** Where the gateway's own credential is put, for an upstream. */
export const ownCredentialSlot = written<OwnCredentialSlot>({
  title: "credential slot of an upstream",
  expected: OWN_SLOTS,
  pattern: "^(bearer|header/.+|query/.+)$",
  parse: parseOwnSlot,
});

/** Reads any slot; the error says what was expected. */
export function parseSlot(text: string): Result<CredentialSlot, string> {
  if (!text.startsWith(SUBPROTOCOL)) return parseOwnSlot(text);
  const prefix = text.slice(SUBPROTOCOL.length);
  return /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$/.test(prefix)
    ? ok({ kind: "websocket-protocol", prefix: prefix.toLowerCase() })
    : err("expected websocket-protocol/<prefix> with a prefix that may stand in a subprotocol, such as api-key.");
}

function parseOwnSlot(text: string): Result<OwnCredentialSlot, string> {
  if (text === "bearer") return ok({ kind: "bearer" });
  const [, kind, name = ""] = /^(header|query)\/(.{1,256})$/.exec(text) ?? [];
  if (kind === "query" && !/[\u0000-\u001f\u007f]/.test(name)) return ok({ kind, name });
  if (kind !== "header" || !/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/.test(name)) return err(`expected ${OWN_SLOTS}`);
  const header = name.toLowerCase();
  if (header === "authorization") return err("expected bearer instead of header/authorization");
  if (header === "sec-websocket-protocol")
    return err("expected websocket-protocol/<prefix> instead of header/sec-websocket-protocol");
  if (NO_CREDENTIAL_HEADERS.has(header)) return err("expected a header that has no meaning of its own");
  return ok({ kind, name: header });
}

/** Framing, hop-by-hop and message headers. */
const NO_CREDENTIAL_HEADERS: ReadonlySet<string> = new Set([
  ...["connection", "content-encoding", "content-length", "content-type", "date", "expect", "host", "keep-alive"],
  ...["proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "via"],
]);
