import { isIP } from "node:net";
import { err, ok, type Result } from "../model/result.ts";

/** Whether `text` is an IPv4 address or an IPv6 one without brackets. */
export const isIpAddress = (text: string): boolean => isIP(text) !== 0;

/** An address range in CIDR notation. A bare address is a range of one. */
export interface AddressRange {
  readonly address: string;
  readonly prefixLength: number;
  readonly family: "ipv4" | "ipv6";
}

/** Reads `10.0.0.0/8`, `2001:db8::/32` or a bare address. The error says what was expected. */
export function parseAddressRange(text: string): Result<AddressRange, string> {
  const [address = "", prefix, ...rest] = text.split("/");
  const version = isIP(address);
  const widest = version === 4 ? 32 : 128;
  const prefixLength = prefix === undefined ? widest : /^\d{1,3}$/.test(prefix) ? Number(prefix) : -1;
  if (version === 0 || rest.length > 0 || prefixLength < 0 || prefixLength > widest) {
    return err("expected an address range such as 10.0.0.0/8 or 2001:db8::/32");
  }
  return ok({ address, prefixLength, family: version === 4 ? "ipv4" : "ipv6" });
}
