import { freePort as freePortOf } from "../../src/adapters/workers/free-port.ts";

/** A loopback port nobody listens on: taken once, and given back. */
export async function freePort(): Promise<number> {
  const port = await freePortOf("127.0.0.1");
  if (!port.ok) throw new Error(port.error);
  return port.value;
}
