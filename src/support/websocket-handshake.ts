import type { HeaderLines } from "../model/header-lines.ts";
import { isHeaderName } from "../model/header-text.ts";
import { err, ok, type Result } from "../model/result.ts";
import { connectionOptions } from "./connection-options.ts";
import { sha1Base64 } from "./hash.ts";

/** The one version there is (RFC 6455 section 4.1). */
export const WEBSOCKET_VERSION = "13";

/** The one extension that is let through: it changes what payloads are, not where frames end (RFC 7692). */
const COMPRESSION = "permessage-deflate";

/** Why a request that asks for a WebSocket does so wrongly, for people; undefined: it does not. */
export function offerFault(headers: HeaderLines): string | undefined {
  const versions = headers.lines("sec-websocket-version");
  if (versions.length !== 1 || versions[0] !== WEBSOCKET_VERSION)
    return `A WebSocket handshake says Sec-WebSocket-Version: ${WEBSOCKET_VERSION}.`;
  const keys = headers.lines("sec-websocket-key");
  if (keys.length !== 1 || !KEY.test(keys[0] ?? "")) return "A WebSocket handshake has one Sec-WebSocket-Key of 16 bytes.";
  const protocols = subprotocolsOf(headers);
  if (protocols === undefined || new Set(protocols).size < protocols.length)
    return "The Sec-WebSocket-Protocol header is not a list of different tokens.";
  return undefined;
}

/** What both ends agreed on. */
export interface Agreement {
  /** Messages may be compressed. */
  readonly compressed: boolean;
}

/** Judges a 101: whether it answers this very handshake, with a subprotocol and an extension the client offered, if any. The error is for the log. */
export function agreementOf(offer: HeaderLines, answer: HeaderLines): Result<Agreement> {
  const upgrades = answer.lines("upgrade");
  if (upgrades.length !== 1 || upgrades[0]?.toLowerCase() !== "websocket") return err("101 without Upgrade: websocket");
  if (connectionOptions(answer)?.has("upgrade") !== true) return err("101 without Connection: upgrade");
  const accepts = answer.lines("sec-websocket-accept");
  if (accepts.length !== 1 || accepts[0] !== acceptOf(offer.first("sec-websocket-key") ?? ""))
    return err("101 with another Sec-WebSocket-Accept than the key asks for");
  const protocols = answer.lines("sec-websocket-protocol");
  const offered = subprotocolsOf(offer) ?? [];
  if (protocols.length > 1 || (protocols.length === 1 && !offered.includes(protocols[0] ?? "")))
    return err("101 with a subprotocol nobody offered");
  const extensions = extensionNames(answer);
  if (extensions.length === 0) return ok({ compressed: false });
  const isOffered = extensions.length === 1 && extensions[0] === COMPRESSION && extensionNames(offer).includes(COMPRESSION);
  return isOffered ? ok({ compressed: true }) : err("101 with an extension nobody offered, or that is not let through");
}

/** What a server answers a key with (RFC 6455 section 4.2.2). */
export const acceptOf = (key: string): string => sha1Base64(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`);

// 16 bytes in base64: of the last character only two bits count
const KEY = /^[A-Za-z0-9+/]{21}[AQgw]==$/;

/** Subprotocols of an offer, over all its lines; undefined where one is no token. */
export function subprotocolsOf(headers: HeaderLines): readonly string[] | undefined {
  const members = headers.lines("sec-websocket-protocol").flatMap((line) => line.split(",").map((member) => member.trim()));
  return members.every((member) => isHeaderName(member.toLowerCase())) ? members : undefined;
}

// a quoted parameter with a comma gives a name nobody knows, which is refused
const extensionNames = (headers: HeaderLines): readonly string[] =>
  headers
    .lines("sec-websocket-extensions")
    .flatMap((line) => line.split(",").map((each) => (each.split(";")[0] ?? "").trim().toLowerCase()))
    .filter((name) => name !== "");
