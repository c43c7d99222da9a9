import type { InterceptorConfig, UpstreamConfig } from "../config/gateway-config.ts";
import type { LoadedConfig } from "../config/load-config.ts";
import { readPemFiles, type PemMaterial } from "../adapters/certificates/pem-files.ts";
import type { GatewayIdentity } from "../adapters/identity/gateway-identity.ts";
import type { TokenSlot } from "../adapters/identity/token-slot.ts";
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
import type { Lease, ResourcePool } from "./resource-pool.ts";

/** What channels and connection pools are made with. */
export interface AcquireDeps {
  readonly pool: ResourcePool;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly gatewayId: string;
  readonly identity: Pick<GatewayIdentity, "credential">;
  readonly gatewayVersion: string;
}

/**
 * Gives out review clients and upstreams by identity. The content of certificates is part of it, so a rotated certificate is a new
 * client, and the old one lives until the last exchange of its generation is done.
 */
export function acquirer(deps: AcquireDeps): Acquire {
  return {
    client: (interceptor, index, loaded) => acquireClient(deps, interceptor, { index, loaded }),
    upstream: (upstream) =>
      deps.pool.acquire<Upstream>(identityOf("upstream", { ...upstream, credential: undefined }), () =>
        openUpstream(deps, upstream),
      ),
  };
}

const openUpstream = ({ clock, metrics }: AcquireDeps, { name, endpoints, timeouts, maxRequests }: UpstreamConfig): Upstream =>
  meteredUpstream(httpUpstream({ name, endpoints, timeouts, maxRequests }, { clock }), { name, metrics, clock });

// hashed, because certificates' private keys are part of it
const identityOf = (kind: string, parts: unknown): string => `${kind}:${sha256Hex(canonicalJson(parts))}`;

async function acquireClient(
  deps: AcquireDeps,
  interceptor: InterceptorConfig,
  place: { readonly index: number; readonly loaded: LoadedConfig },
): ReturnType<Acquire["client"]> {
  const pems = await pemsOf(interceptor, deps.clock, place);
  if (!pems.ok) return pems;
  const credential = await acquireCredential(deps, interceptor);
  const { name, endpoint, audience, maxConcurrentReviews, maxPendingReviews } = interceptor;
  const tls = pems.value;
  const parts = {
    name,
    endpoint,
    audience,
    maxConcurrentReviews,
    maxPendingReviews,
    cert: tls?.pair?.certPem,
    key: tls?.pair?.keyPem.reveal(),
    ca: tls?.caPem,
  };
  const lease = deps.pool.acquire<ReviewClient>(identityOf("interceptor", parts), () =>
    grpcReviewClient(
      {
        name,
        endpoint,
        tls,
        credential: credential?.resource,
        maxConcurrentReviews,
        maxPendingReviews,
        gatewayId: deps.gatewayId,
        gatewayVersion: deps.gatewayVersion,
      },
      { clock: deps.clock, log: deps.log },
    ),
  );
  const release = async (): Promise<void> => {
    await lease.release();
    // after the client that shows it
    await credential?.release();
  };
  return ok({ resource: lease.resource, release, trust: sha256Hex(tls?.caPem ?? "") });
}

/** The token slot of an audience, filled: shared by all generations, so that a reload re-uses the token. In the clear none is shown (C38). */
async function acquireCredential(
  { pool, identity }: AcquireDeps,
  { endpoint, audience }: InterceptorConfig,
): Promise<Lease<TokenSlot> | undefined> {
  if (endpoint.kind === "grpc") return undefined;
  const lease = pool.acquire<TokenSlot>(identityOf("credential", audience), () => identity.credential(audience));
  await lease.resource.filled();
  return lease;
}

async function pemsOf(
  { endpoint }: InterceptorConfig,
  clock: Clock,
  { index, loaded }: { readonly index: number; readonly loaded: LoadedConfig },
): Promise<Result<PemMaterial | undefined, readonly ConfigIssue[]>> {
  if (endpoint.kind === "grpc" || endpoint.tls === undefined) return ok(undefined);
  const { caFile, certFile, keyFile } = endpoint.tls;
  const read = await readPemFiles({ pair: { certFile, keyFile }, caFile }, clock.wallMs());
  if (read.ok) return ok(read.value);
  const pointer = `/interceptors/${index}/tls`;
  return err(read.error.map((message) => ({ ...loaded.positions.at(pointer), pointer, message })));
}
