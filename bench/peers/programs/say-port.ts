import type { AddressInfo } from "node:net";

/** Tells the bench on standard output where this program listens. */
export function sayPort(address: AddressInfo | string | null): void {
  if (address === null || typeof address === "string") throw new Error("not a TCP address");
  process.stdout.write(`${JSON.stringify({ port: address.port })}\n`);
}
