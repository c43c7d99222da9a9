/** A request's header block as the rest of the gateway reads requests. */
export interface RequestLines {
  /** Of what asks for a WebSocket: GET, as which it is matched and reviewed (C26). */
  readonly method: string;
  /** The protocol its stream is to change to (RFC 8441); undefined: to none. */
  readonly upgrade: "websocket" | "unknown" | undefined;
  readonly requestTarget: string;
  /** Names and values, alternating, Host first. */
  readonly raw: readonly string[];
  /** Empty where there is none. */
  readonly path: string;
  readonly hasLength: boolean;
  readonly expects: boolean;
}

/**
 * Reads a header block: names and values, alternating, that nghttp2 found well-formed (RFC 9113 section 8). The authority becomes
 * the Host line; what was said of scheme and host twice and differs becomes the absolute form of the target, which ingress compares
 * with Host and connection as it does for HTTP/1.1. Crumbs of a cookie are joined (section 8.2.3). CONNECT with a protocol is no CONNECT.
 */
export function requestLines(block: readonly string[], scheme: "http" | "https"): RequestLines {
  let method = "";
  let path: string | undefined;
  let saidScheme = "";
  let authority: string | undefined;
  let protocol: string | undefined;
  const lines: string[] = [];
  const hosts: string[] = [];
  const crumbs: string[] = [];
  for (let i = 0; i < block.length; i += 2) {
    const [name = "", value = ""] = [block[i], block[i + 1]];
    if (name === ":method") method = value;
    else if (name === ":path") path = value;
    else if (name === ":scheme") saidScheme = value;
    else if (name === ":authority") authority = value;
    else if (name === ":protocol") protocol = value;
    else if (name === "host") hosts.push(value);
    else if (name === "cookie") crumbs.push(value);
    else lines.push(name, value);
  }
  // one with a blank at an end is malformed, and joined it would not show
  if (crumbs.some((crumb) => crumb.trim() !== crumb)) crumbs.forEach((crumb) => lines.push("cookie", crumb));
  else if (crumbs.length > 0) lines.push("cookie", crumbs.join("; "));
  const [host = authority, ...others] = hosts;
  const agrees = saidScheme === scheme && (authority ?? host) === host && path?.startsWith("/") === true;
  const upgrade = protocol === undefined || method !== "CONNECT" ? undefined : protocol === "websocket" ? protocol : "unknown";
  const absolute = `${saidScheme}://${authority ?? host ?? ""}${path ?? ""}`;
  return {
    method: upgrade === "websocket" ? "GET" : method,
    upgrade,
    requestTarget: path !== undefined && (agrees || path === "*") ? path : absolute,
    raw: [...[host, ...others].flatMap((each) => (each === undefined ? [] : ["host", each])), ...lines],
    path: path ?? "",
    hasLength: isNamed(lines, "content-length"),
    expects: isNamed(lines, "expect"),
  };
}

const isNamed = (lines: readonly string[], name: string): boolean => lines.some((each, i) => i % 2 === 0 && each === name);
