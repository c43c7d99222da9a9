import { closeSync, ftruncateSync } from "node:fs";
import type { Peer } from "./peer.ts";
import type { SallyportTerms } from "./sallyport-terms.ts";
import { startGateway } from "./start-gateway.ts";
import { noTrustedDirectory, startInterceptor } from "./start-interceptor.ts";

/** Our gateway as an operator starts it: `sallyport run`, access log to a file, metrics on; the interceptor in a process of its own. */
export function sallyport(terms: SallyportTerms): Peer {
  const { name, description, reviews } = terms;
  return {
    name,
    description,
    missing: () => (reviews?.transport === "unix" ? noTrustedDirectory() : undefined),
    async start(place) {
      const interceptor = reviews === undefined ? undefined : await startInterceptor(place, reviews);
      const gateway = await startGateway(place, terms, interceptor?.endpoint ?? "");
      const parts = [{ role: "gateway" as const, pid: gateway.pid }];
      return {
        url: gateway.url,
        pids: interceptor === undefined ? parts : [...parts, { role: "service" as const, pid: interceptor.pid }],
        afterBurst: () => ftruncateSync(gateway.logFd),
        reviews: () => reviewsCounted(gateway.adminPort),
        async stop() {
          await Promise.all([gateway.stop(), interceptor?.stop()]);
          closeSync(gateway.logFd);
        },
      };
    },
  };
}

/** Of `/metrics`, over all bindings and outcomes: what a service was asked, so less those whose verdict was known. */
async function reviewsCounted(adminPort: number): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${adminPort}/metrics`, { signal: AbortSignal.timeout(10_000) });
  if (!response.ok) throw new Error(`the gateway's metrics answer ${response.status}`);
  const text = await response.text();
  const total = (lines: RegExp): number => [...text.matchAll(lines)].reduce((sum, [, count]) => sum + Number(count), 0);
  return total(/^sallyport_reviews_total\{.*\} (\d+)/gm) - total(/^sallyport_verdict_cache_total\{.*outcome="hit".*\} (\d+)/gm);
}
