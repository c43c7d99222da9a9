import type { InterceptorConfig, UpstreamConfig } from "../config/gateway-config.ts";
import type { LoadedConfig } from "../config/load-config.ts";
import { readPemFiles, type PemMaterial } from "../adapters/certificates/pem-files.ts";
import { grpcReviewClient } from "../adapters/review/grpc-review-client.ts";
import { httpUpstream } from "../adapters/upstream/http-upstream.ts";
import type { ConfigIssue } from "../model/config-issue.ts";
import { err, ok, type Result } from "../model/result.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { Metrics } from "../ports/metrics.ts";
import type { ReviewClient } from "../ports/review-client.ts";
import type { Upstream } from "../ports/upstream.ts";
import { canonicalJson } from "../support/canonical-json.ts";
import { sha256Hex } from "../support/hash.ts";
import type { Acquire } from "./generations.ts";
import { meteredUpstream } from "./metered-upstream.ts";
import type { ResourcePool } from "./resource-pool.ts";

/** What channels and connection pools are made with. */
export interface AcquireDeps {
  readonly pool: ResourcePool;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly gatewayId: string;
  readonly gatewayVersion: string;
}

/**
 * Gives out review clients and upstreams by identity. The content of certificates is part of it, so a rotated certificate is a new
 * client, and the old one lives until the last exchange of its generation is done.
 */
export function acquirer(deps: AcquireDeps): Acquire {
  return {
    client: (interceptor, index, loaded) => acquireClient(deps, interceptor, { index, loaded }),
    upstream: (upstream) => deps.pool.acquire<Upstream>(identityOf("upstream", { ...upstream, credential: undefined }), () => openUpstream(deps, upstream)),
  };
}

const openUpstream = ({ clock, metrics }: AcquireDeps, { name, endpoints, timeouts, maxRequests }: UpstreamConfig): Upstream =>
  meteredUpstream(httpUpstream({ name, endpoints, timeouts, maxRequests }, { clock }), { name, metrics, clock });

// hashed, because certificates' private keys are part of it
const identityOf = (kind: string, parts: unknown): string => `${kind}:${sha256Hex(canonicalJson(parts))}`;

async function acquireClient(deps: AcquireDeps, interceptor: InterceptorConfig, place: { readonly index: number; readonly loaded: LoadedConfig }): ReturnType<Acquire["client"]> {
  const pems = await pemsOf(interceptor, deps.clock, place);
  if (!pems.ok) return pems;
  const { name, endpoint, maxConcurrentReviews, maxPendingReviews } = interceptor;
  const tls = pems.value;
  const parts = { name, endpoint, maxConcurrentReviews, maxPendingReviews, cert: tls?.pair?.certPem, key: tls?.pair?.keyPem.reveal(), ca: tls?.caPem };
  const lease = deps.pool.acquire<ReviewClient>(identityOf("interceptor", parts), () =>
    grpcReviewClient(
      { name, endpoint, tls, maxConcurrentReviews, maxPendingReviews, gatewayId: deps.gatewayId, gatewayVersion: deps.gatewayVersion },
      { clock: deps.clock, log: deps.log },
    ),
  );
  return ok({ ...lease, trust: sha256Hex(tls?.caPem ?? "") });
}

async function pemsOf(
  { endpoint }: InterceptorConfig,
  clock: Clock,
  { index, loaded }: { readonly index: number; readonly loaded: LoadedConfig },
): Promise<Result<PemMaterial | undefined, readonly ConfigIssue[]>> {
  if (endpoint.kind !== "grpcs") return ok(undefined);
  const { caFile, certFile, keyFile } = endpoint.tls;
  const read = await readPemFiles({ pair: { certFile, keyFile }, caFile }, clock.wallMs());
  if (read.ok) return ok(read.value);
  const pointer = `/interceptors/${index}/tls`;
  return err(read.error.map((message) => ({ ...loaded.positions.at(pointer), pointer, message })));
}
