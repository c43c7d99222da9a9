import { err, ok, type Result } from "../../model/result.ts";
import { isIpAddress } from "../../support/ip-address.ts";
import { isHostName } from "./http-words.ts";
import { written } from "./primitives.ts";

/** A host and a port. IPv6 without brackets. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** An address to listen on: `host:port`, port 0 to let the system choose. */
export const listenAddress = written<HostPort>({
  title: "host:port",
  expected: "an address such as 127.0.0.1:8080",
  parse: (text) => parseHostPort(text) ?? err("expected an address such as 127.0.0.1:8080 or [::]:8080"),
});

/** Where a listener listens. */
export type ListenerAddress = { readonly kind: "tcp"; readonly tcp: HostPort } | { readonly kind: "unix"; readonly path: string };

/** `host:port`, or `unix:` and the absolute path of a socket, taken literally. */
export const listenerAddress = written<ListenerAddress>({
  title: "listener address",
  expected: "an address such as 127.0.0.1:8080 or unix:/run/sallyport/http.sock",
  parse: (text) => (text.startsWith("unix:") ? parseSocketPath(text.slice("unix:".length)) : parseTcp(text)),
});

function parseTcp(text: string): Result<ListenerAddress, string> {
  const parsed =
    parseHostPort(text) ?? err("expected an address such as 127.0.0.1:8080, [::]:8080 or unix:/run/sallyport/http.sock");
  return parsed.ok ? ok({ kind: "tcp", tcp: parsed.value }) : parsed;
}

/** Longest path of a socket, bytes: the smallest room any system has for it, less its end. */
const MAX_SOCKET_PATH_BYTES = 103;

function parseSocketPath(path: string): Result<ListenerAddress, string> {
  if (!/^\/[^\u0000-\u001f\u007f]*[^/\u0000-\u001f\u007f]$/u.test(path))
    return err("expected an absolute path, such as unix:/run/sallyport/http.sock");
  if (new TextEncoder().encode(path).byteLength > MAX_SOCKET_PATH_BYTES)
    return err(`the path of a socket has at most ${MAX_SOCKET_PATH_BYTES} bytes`);
  return ok({ kind: "unix", path });
}

/** A scheme, a host and a port, and nothing else. */
export interface Origin extends HostPort {
  readonly scheme: string;
  /** As written, without a trailing slash. */
  readonly url: string;
}

/** Origins with one of some schemes; the port may be left out where the scheme has a default. */
export function origin(schemes: Readonly<Record<string, number | undefined>>, example: string) {
  return written<Origin>({ title: "url", expected: `an address such as ${example}`, parse: originParser(schemes, example) });
}

/** Reads such an origin; errors are whole messages. */
export function originParser(
  schemes: Readonly<Record<string, number | undefined>>,
  example: string,
): (text: string) => Result<Origin, string> {
  const expected = `expected an address such as ${example}`;
  return (text) => {
    const [, scheme = "", rest = ""] = /^([a-z]+):\/\/(.*?)\/?$/.exec(text) ?? [];
    if (!Object.hasOwn(schemes, scheme)) return err(expected);
    if (rest.includes("@")) return err("an address carries no user name and password: use credential");
    if (/[/?#]/.test(rest)) return err("expected an address without path, query and fragment");
    const hostPort = parseHostPort(rest, schemes[scheme]);
    if (hostPort === undefined || (hostPort.ok && hostPort.value.port === 0)) return err(expected);
    return hostPort.ok ? ok({ ...hostPort.value, scheme, url: `${scheme}://${rest}` }) : hostPort;
  };
}

function parseHostPort(text: string, defaultPort?: number): Result<HostPort, string> | undefined {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]]+))(?::([0-9]{1,5}))?$/.exec(text);
  if (match === null) return undefined;
  const [, ipv6, host, portText] = match;
  const port = portText === undefined ? defaultPort : Number(portText);
  if (port === undefined) return err("expected a port behind the host");
  if (port > 65_535) return err("expected a port up to 65535");
  const lowered = (ipv6 ?? host ?? "").toLowerCase();
  const isHost = ipv6 === undefined ? isHostName(lowered) : isIpAddress(lowered);
  return isHost ? ok({ host: lowered, port }) : undefined;
}
