import { once } from "node:events";
import { request } from "node:http";
import { closeSync } from "node:fs";
import { forgetPeak, residentKiB } from "../measure/memory.ts";
import { startProgram } from "../peers/program.ts";
import { startGateway } from "../peers/start-gateway.ts";
import type { Probe } from "./probe.ts";

const MIB = 1024 * 1024;
const BODY_BYTES = 1024 * MIB;
/** What a first body costs is there for every later one, and is no growth. */
const WARM_UP_BYTES = 64 * MIB;
const CHUNK = Buffer.alloc(256 * 1024, "x");
const AT_MOST_MS = 120_000;

/** Memory a body costs that passes through, both ways. */
export const streamedBody: Probe = {
  name: "streamed-body",
  title: "memory for a 1 GiB streamed body",
  description:
    "how far the gateway's peak of resident memory grows while 1 GiB goes up and 1 GiB comes down, one after the other; after 64 MiB each way",
  unit: "MiB",
  missing: () => undefined,
  async measure(place, signal) {
    const upstream = await startProgram(place.children, "bulk-upstream");
    const terms = { name: "", description: "", maxBodyBytes: "2GiB" as const };
    const gateway = await startGateway({ ...place, upstreamPort: upstream.port }, terms, "");
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(AT_MOST_MS)]);
    try {
      await bothWays(gateway.url, WARM_UP_BYTES, deadline);
      forgetPeak(gateway.pid);
      const before = residentKiB(gateway.pid).now;
      await bothWays(gateway.url, BODY_BYTES, deadline);
      return Math.max(0, residentKiB(gateway.pid).peak - before) / 1024;
    } finally {
      await Promise.all([gateway.stop(), upstream.stop()]);
      closeSync(gateway.logFd);
    }
  },
};

async function bothWays(url: string, bytes: number, signal: AbortSignal): Promise<void> {
  const up = await exchange(`${url}/plain/up`, bytes, signal);
  if (up.said !== `${bytes}`) throw new Error(`the upstream got ${up.said} of ${bytes} bytes`);
  const down = await exchange(`${url}/plain/down?bytes=${bytes}`, 0, signal);
  if (down.bytes !== bytes) throw new Error(`the client got ${down.bytes} of ${bytes} bytes`);
}

async function exchange(
  url: string,
  sentBytes: number,
  signal: AbortSignal,
): Promise<{ readonly said: string; readonly bytes: number }> {
  const asking = request(url, { method: sentBytes > 0 ? "POST" : "GET", agent: false, signal });
  const answered = once(asking, "response");
  for (let left = sentBytes; left > 0; left -= CHUNK.length) if (!asking.write(CHUNK)) await once(asking, "drain", { signal });
  asking.end();
  const [response] = (await answered) as [AsyncIterable<Buffer> & { readonly statusCode?: number }]; // what the event is told
  let bytes = 0;
  let said = "";
  for await (const chunk of response) {
    bytes += chunk.length;
    if (bytes < 64) said += chunk.toString("latin1");
  }
  if (response.statusCode !== 200) throw new Error(`answered ${response.statusCode}: ${said}`);
  return { said, bytes };
}
