import { plainAddress } from "../../support/cidr.ts";

/**
 * Whether a line that only a trusted proxy may send says what its name promises: `x-forwarded-port` a port, `x-real-ip` an address. What
 * does not is dropped, as if it had not been sent: an upstream reads it next, and may be less careful. Other names hold free text.
 */
export function isForwardedLine(name: string, value: string): boolean {
  switch (name) {
    case "x-forwarded-port":
      return /^[1-9][0-9]{0,4}$/.test(value) && Number(value) <= 65_535;
    case "x-real-ip":
      return plainAddress(value) !== undefined;
    default:
      return true;
  }
}
