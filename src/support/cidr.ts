import { BlockList, isIP } from "node:net";
import { err, ok, type Result } from "../model/result.ts";
import { parseAddressRange } from "./ip-address.ts";

/** Address ranges, asked whether an address is in one. */
export interface AddressSet {
  /** `false` for whatever is no IP address, such as the peer of a unix socket. */
  has(address: string): boolean;
}

/** The set of ranges in CIDR notation. The error names the first that is none. */
export function addressSet(ranges: readonly string[]): Result<AddressSet, string> {
  const list = new BlockList();
  for (const text of ranges) {
    const range = parseAddressRange(text);
    if (!range.ok) return err(`${text}: ${range.error}`);
    list.addSubnet(range.value.address, range.value.prefixLength, range.value.family);
  }
  if (ranges.length === 0) return ok({ has: () => false });
  return ok({
    has(address) {
      const family = isIP(address);
      return family !== 0 && list.check(address, family === 4 ? "ipv4" : "ipv6");
    },
  });
}

/** An address as it is compared and shown: an IPv4 address that arrived by an IPv6 socket (`::ffff:192.0.2.1`) is the IPv4 address, IPv6 in lower case without zone; undefined for what is no address. */
export function plainAddress(text: string): string | undefined {
  const family = isIP(text);
  if (family === 0) return undefined;
  if (family === 4) return text;
  const address = (text.split("%", 1)[0] ?? text).toLowerCase();
  const mapped = address.startsWith("::ffff:") ? address.slice("::ffff:".length) : "";
  return isIP(mapped) === 4 ? mapped : address;
}
