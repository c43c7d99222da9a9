import { join } from "node:path";
import type { Children } from "../measure/children.ts";
import type { Certificates } from "./peer.ts";
import { MAIN } from "./start-gateway.ts";

/** Makes the certificates of one run with `sallyport certs`. */
export async function makeCertificates(children: Children, directory: string, signal: AbortSignal): Promise<Certificates> {
  const make = async (name: string, side: "--client" | "--server") => {
    const dnsName = `${name}.bench`;
    const args = [MAIN, "certs", "--out", directory, "--name", name, "--dns", dnsName, side];
    await children.run({ name: "sallyport certs", command: process.execPath, args }, { deadlineMs: 30_000, signal });
    return { certFile: join(directory, `${name}.pem`), keyFile: join(directory, `${name}.key`), dnsName };
  };
  // one after the other: the first makes the authority
  const client = await make("gateway", "--client");
  return { caFile: join(directory, "ca.pem"), client, server: await make("interceptor", "--server") };
}
