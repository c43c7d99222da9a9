import { lookup } from "node:dns/promises";
import type { Resolve } from "./name-addresses.ts";

/** As this machine resolves names: its hosts file and its name servers, in the order it prefers. */
export const systemResolve: Resolve = async (host) => {
  const answers = await lookup(host, { all: true, order: "verbatim" });
  return answers.map(({ address }) => address);
};
