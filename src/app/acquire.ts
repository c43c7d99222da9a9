import type { InterceptorConfig } from "../config/interceptor-config.ts";
import { readPemFiles, type PemMaterial } from "../adapters/certificates/pem-files.ts";
import type { GatewayIdentity } from "../adapters/identity/gateway-identity.ts";
import type { TokenSlot } from "../adapters/identity/token-slot.ts";
import { grpcReviewClient } from "../adapters/review/grpc-review-client.ts";
import type { ManifestTerms } from "../adapters/review/describe-links.ts";
import { OutOfService } from "../adapters/upstream/balance/endpoint-signals.ts";
import type { ConfigIssue } from "../model/config-issue.ts";
import { err, ok, type Result } from "../model/result.ts";
import type { ReviewClient } from "../ports/review-client.ts";
import { manifestDigest, pinFault } from "../plan/manifest-digest.ts";
import { acquireUpstream, type AcquireUpstreamDeps } from "./acquire-upstream.ts";
import { authoritiesOf } from "./authorities-of.ts";
import type { Acquire, LocatedConfig } from "./generations.ts";
import { identityOf } from "./identity-of.ts";
import type { LiveClients } from "./live-clients.ts";
import type { Lease } from "./resource-pool.ts";

/** What channels and connection pools are made with. */
export interface AcquireDeps extends AcquireUpstreamDeps {
  readonly liveClients: LiveClients;
  readonly gatewayId: string;
  readonly identity: Pick<GatewayIdentity, "credential">;
  readonly gatewayVersion: string;
  /** Workers that share what no setting counts. Default: 1. */
  readonly workers?: number;
}

/**
 * Gives out review clients and upstreams by identity. The content of certificates is part of it, so a rotated certificate is a new
 * client, and the old one lives until the last exchange of its generation is done.
 */
export function acquirer(deps: AcquireDeps): Acquire {
  const out = new OutOfService(deps.metrics);
  return {
    client: (interceptor, index, loaded) => acquireClient(deps, interceptor, { index, loaded }),
    upstream: (upstream, loaded) => acquireUpstream(deps, upstream, { loaded, out }),
  };
}

async function acquireClient(
  deps: AcquireDeps,
  interceptor: InterceptorConfig,
  place: { readonly index: number; readonly loaded: LocatedConfig },
): ReturnType<Acquire["client"]> {
  const pems = await pemsOf(interceptor, deps, place);
  if (!pems.ok) return pems;
  const credential = await acquireCredential(deps, interceptor);
  const {
    name,
    endpoints,
    transport,
    breaker,
    audience,
    manifestDigest: pin,
    maxConcurrentReviews,
    maxPendingReviews,
  } = interceptor;
  const tls = pems.value;
  const parts = {
    name,
    endpoints,
    transport,
    breaker,
    audience,
    pin,
    maxConcurrentReviews,
    maxPendingReviews,
    cert: tls?.pair?.certPem,
    key: tls?.pair?.keyPem.reveal(),
    ca: tls?.caPem,
  };
  const { gatewayId, gatewayVersion, clock, log, workers } = deps;
  const limits = { maxConcurrentReviews, maxPendingReviews };
  const manifests: ManifestTerms = {
    accepts: (manifest) => pinFault(interceptor, manifest) === undefined,
    essence: (manifest) => manifestDigest({ ...manifest, version: "" }),
  };
  const config = {
    name,
    endpoints,
    transport,
    breaker,
    manifests,
    tls,
    credential: credential?.resource,
    ...limits,
    ...(workers === undefined ? {} : { workers }),
    gatewayId,
    gatewayVersion,
  };
  const lease = deps.pool.acquire<ReviewClient>(identityOf("interceptor", parts), () =>
    deps.liveClients.with(name, grpcReviewClient(config, { clock, log })),
  );
  const release = async (): Promise<void> => {
    await lease.release();
    // after the client that shows it
    await credential?.release();
  };
  return ok({ resource: lease.resource, release, trust: authoritiesOf(tls?.caPem) });
}

/** The token slot of an audience, filled: shared by all generations, so that a reload re-uses the token. In the clear none is shown (C38). */
async function acquireCredential(
  { pool, identity }: AcquireDeps,
  { endpoints, audience }: InterceptorConfig,
): Promise<Lease<TokenSlot> | undefined> {
  if (endpoints.every(({ kind }) => kind === "grpc")) return undefined;
  const lease = pool.acquire<TokenSlot>(identityOf("credential", audience), () => identity.credential(audience));
  await lease.resource.filled();
  return lease;
}

async function pemsOf(
  { endpoints }: InterceptorConfig,
  { clock, readFile }: Pick<AcquireDeps, "clock" | "readFile">,
  { index, loaded }: { readonly index: number; readonly loaded: LocatedConfig },
): Promise<Result<PemMaterial | undefined, readonly ConfigIssue[]>> {
  // one block for all: the endpoints differ in the name they expect at most
  const [tls] = endpoints.map((endpoint) => (endpoint.kind === "grpc" ? undefined : endpoint.tls));
  if (tls === undefined) return ok(undefined);
  const { caFile, certFile, keyFile } = tls;
  const read = await readPemFiles({ pair: { certFile, keyFile }, caFile }, clock.wallMs(), readFile);
  if (read.ok) return ok(read.value);
  const pointer = `/interceptors/${index}/tls`;
  return err(read.error.map((message) => ({ ...loaded.positions.at(pointer), pointer, message })));
}
