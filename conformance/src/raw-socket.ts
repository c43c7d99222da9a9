import { connect, type Socket } from "node:net";
import type { SuiteOptions } from "./suite-options.ts";

/** A TCP connection to the service that nothing is said on. The caller destroys it; errors are its silence. */
export function openSocket({ address: { host, port } }: Pick<SuiteOptions, "address">): Socket {
  return connect(port, host).on("error", () => {});
}

/** What a service says to bytes on a fresh TCP connection, until it hangs up, has said `enough` bytes, or the time is over. */
export function saidTo(
  options: Pick<SuiteOptions, "address">,
  bytes: Uint8Array,
  terms: { readonly withinMs: number; readonly enough: number },
): Promise<Buffer> {
  const socket = openSocket(options);
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let received = 0;
    const end = (): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(Buffer.concat(chunks));
    };
    const timer = setTimeout(end, terms.withinMs);
    socket.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      received += chunk.byteLength;
      if (received >= terms.enough) end();
    });
    socket.once("close", end);
    socket.write(bytes);
  });
}
