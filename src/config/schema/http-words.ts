import { isIpAddress } from "../../support/ip-address.ts";
import { err, ok } from "../../model/result.ts";
import { matching, written } from "./primitives.ts";

/** Header name in lower case (RFC 9110 §5.6.2); written in any case. */
export const headerName = written<string>({
  title: "header name",
  expected: "a header name",
  pattern: "^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,256}$",
  parse: (text) => (/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,256}$/.test(text) ? ok(text.toLowerCase()) : err("expected a header name")),
});

/** The same as key of a map: in lower case as written, so that no two keys mean one header. */
export const headerKey = matching({
  title: "header name",
  expected: "a header name in lower case",
  pattern: "^[a-z0-9!#$%&'*+.^_`|~-]{1,256}$",
});

/** Query parameter name, decoded, exact. */
export const queryName = matching({
  title: "query name",
  expected: "the name of a query parameter",
  pattern: "^[^\\u0000-\\u001f\\u007f]{1,256}$",
});

/** Method name in upper case. TRACE and CONNECT are never routed. */
export const method = written<string>({
  title: "method",
  expected: "a method in upper case such as GET",
  pattern: "^[A-Z][A-Z-]{0,31}$",
  parse: (text) => {
    if (text === "TRACE" || text === "CONNECT") return err(`${text} is never routed`);
    return /^[A-Z][A-Z-]{0,31}$/.test(text) ? ok(text) : err("expected a method in upper case such as GET");
  },
});

/** Exact host or `*.` and a domain, for matching; lower-cased. No port. */
export const hostPattern = written<string>({
  title: "host pattern",
  expected: "a host such as api.example.org or *.example.org",
  parse: (text) => {
    const host = text.toLowerCase();
    const bare = host.startsWith("*.") ? host.slice(2) : host;
    const isAddress = host.startsWith("[") && host.endsWith("]") && isIpAddress(host.slice(1, -1));
    return isHostName(bare) || isAddress
      ? ok(host)
      : err("expected a host such as api.example.org or *.example.org, without a port");
  },
});

/** Whether `text` is a DNS name or an IPv4 address, in lower case. */
export function isHostName(text: string): boolean {
  if (text.length > 253 || !/^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$/.test(text)) return false;
  // all digits and dots would be taken for an address by whoever connects
  return !/(^|\.)[0-9]+$/.test(text) || isIpAddress(text);
}
