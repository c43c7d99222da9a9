import type { IncomingHttpHeaders } from "node:http";
import { isIP } from "node:net";

/**
 * Why a request is refused for where it comes from, a full sentence; undefined when it is welcome. Two attacks use a browser on
 * the operator's machine: a page of another site that calls us (cross-site), and a page whose own name is made to resolve to us
 * (DNS rebinding). Tools send neither header and address us by our own name.
 */
export function originProblem(
  headers: IncomingHttpHeaders,
  ownNames: OwnNames,
): { readonly problem: "forbidden" | "misdirected_request"; readonly detail: string } | undefined {
  const site = headers["sec-fetch-site"];
  if (site !== undefined && site !== "same-origin" && site !== "none")
    return { problem: "forbidden", detail: "Requests from another site are refused." };
  const host = headers.host ?? "";
  if (headers.origin !== undefined && !isOriginOf(headers.origin, host))
    return { problem: "forbidden", detail: "Requests from another origin are refused." };
  if (ownNames !== "any" && !isOwnName(hostName(host), ownNames))
    return { problem: "misdirected_request", detail: "The host header names another host." };
  return undefined;
}

/** Lower-case host names a listener answers to beyond loopback and IP addresses, or `any`. */
export type OwnNames = ReadonlySet<string> | "any";

/**
 * A listener on loopback is reached by loopback names; one that is bound elsewhere is known by names nobody told us, and no
 * browser holds its bearer.
 */
export const ownNamesOf = (boundHost: string): OwnNames => (isLoopback(boundHost) ? new Set([boundHost.toLowerCase()]) : "any");

// an address cannot be rebound: a page under it came from it
const isOwnName = (name: string, ownNames: ReadonlySet<string>): boolean =>
  isIP(name) !== 0 || name === "localhost" || name.endsWith(".localhost") || ownNames.has(name);

const isLoopback = (host: string): boolean =>
  host.toLowerCase() === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));

/** Without port and brackets, lower case. */
const hostName = (host: string): string =>
  host
    .toLowerCase()
    .replace(/:\d*$/, "")
    .replace(/^\[(.*)\]$/, "$1");

function isOriginOf(origin: string, host: string): boolean {
  // the scheme may differ: TLS may end in front of us
  const found = /^https?:\/\/([^/]+)$/.exec(origin.toLowerCase());
  return found?.[1] === host.toLowerCase();
}
