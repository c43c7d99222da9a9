import type { RequestHead } from "../model/exchange.ts";
import type { HeaderLines } from "../model/header-lines.ts";
import { subprotocolsOf } from "./websocket-handshake.ts";

/** Whether a subprotocol begins with a prefix, which is in lower case. Case does not count: what one reader took for a credential must not pass another. */
export const startsWithPrefix = (subprotocol: string, prefix: string): boolean => subprotocol.toLowerCase().startsWith(prefix);

/**
 * A head's lines without the subprotocols that are credentials, and these; the header goes with its last member. Undefined: the header is
 * no list of tokens, so that nobody can say what stands in it; without prefixes it is left as it is.
 */
export function withoutCredentials(
  headers: HeaderLines,
  prefixes: readonly string[],
): Pick<RequestHead, "headers" | "credentialSubprotocols"> | undefined {
  if (prefixes.length === 0 || !headers.has(NAME)) return { headers };
  const offered = subprotocolsOf(headers);
  if (offered === undefined) return undefined;
  const isCredential = (member: string): boolean => prefixes.some((prefix) => startsWithPrefix(member, prefix));
  const credentialSubprotocols = offered.filter(isCredential);
  if (credentialSubprotocols.length === 0) return { headers };
  const kept = offered.filter((member) => !isCredential(member));
  return { headers: headers.with(NAME, kept.length === 0 ? undefined : [kept.join(", ")]), credentialSubprotocols };
}

/** Lines whose list has these subprotocols, too, behind its others. */
export function withSubprotocols(headers: HeaderLines, members: readonly string[] = []): HeaderLines {
  return members.length === 0 ? headers : headers.with(NAME, [[...headers.lines(NAME), ...members].join(", ")]);
}

const NAME = "sec-websocket-protocol";
