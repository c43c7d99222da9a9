import { readPemFiles, type PemMaterial } from "../adapters/certificates/pem-files.ts";
import type { ReadBytes } from "../adapters/files/read-bounded.ts";
import { BalancedUpstream } from "../adapters/upstream/balance/balanced-upstream.ts";
import type { OutOfService } from "../adapters/upstream/balance/endpoint-signals.ts";
import type { UpstreamSettings } from "../adapters/upstream/balance/upstream-settings.ts";
import { systemResolve } from "../adapters/upstream/dns/system-resolve.ts";
import { grpcUpstream } from "../adapters/upstream/grpc/grpc-upstream.ts";
import { http2Endpoints } from "../adapters/upstream/http2/http2-endpoints.ts";
import { http1Endpoints } from "../adapters/upstream/http1/http1-endpoints.ts";
import { endpointTls, upstreamContext } from "../adapters/upstream/tls/endpoint-tls.ts";
import { undiciEndpoints } from "../adapters/upstream/undici-endpoints.ts";
import type { UpstreamConfig, UpstreamProtocol } from "../config/gateway-config.ts";
import { isStream } from "../model/byte-stream.ts";
import type { ConfigIssue } from "../model/config-issue.ts";
import { err, ok, type Result } from "../model/result.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { Metrics } from "../ports/metrics.ts";
import type { Upstream } from "../ports/upstream.ts";
import type { LocatedConfig } from "./generations.ts";
import { identityOf } from "./identity-of.ts";
import { meteredUpstream } from "./metered-upstream.ts";
import type { Lease, ResourcePool } from "./resource-pool.ts";

const CLIENTS = { sallyport: http1Endpoints, undici: undiciEndpoints } as const;

/** What upstreams are spoken to with, by name. */
export type UpstreamClient = keyof typeof CLIENTS;

/** What upstreams are made with. */
export interface AcquireUpstreamDeps {
  readonly pool: ResourcePool;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Where certificates are read from. Default: the disk. */
  readonly readFile?: ReadBytes;
  /** Whether requests are served here at all. Default: yes. A process that only plans checks certificates and connects to nobody. */
  readonly servesRequests?: boolean;
  /** What they are spoken to with; both keep the same contract, undici is the reference. Default: `sallyport`. */
  readonly upstreamClient?: UpstreamClient | undefined;
}

/**
 * An upstream with its connections and what is known of its endpoints: the same one for every plan that describes it alike. The content
 * of its certificates counts, what requests carry does not.
 */
export async function acquireUpstream(
  deps: AcquireUpstreamDeps,
  upstream: UpstreamConfig,
  { loaded, out }: { readonly loaded: LocatedConfig; readonly out: OutOfService },
): Promise<Result<Lease<Upstream>, readonly ConfigIssue[]>> {
  const pointer = `/upstreams/${upstream.name}/tls`;
  const refused = (messages: readonly string[]): Result<never, readonly ConfigIssue[]> =>
    err(messages.map((message) => ({ ...loaded.positions.at(pointer), pointer, message })));
  const pems = await pemsOf(upstream, deps);
  if (!pems.ok) return refused(pems.error);
  const settings = settingsOf(upstream, pems.value);
  if (!settings.ok) return refused([settings.error]);
  const {
    credential: _credential,
    hashBy: _hashBy,
    descriptorSet: _descriptorSet,
    fallback,
    fallbackOn: _on,
    ...parts
  } = upstream;
  const content = { cert: pems.value?.pair?.certPem, key: pems.value?.pair?.keyPem.reveal(), ca: pems.value?.caPem };
  const identity = identityOf("upstream", { ...parts, ...content, hasFallback: fallback.length > 0 });
  return ok(
    deps.pool.acquire<Upstream>(identity, () =>
      deps.servesRequests === false ? IDLE : open(deps, { settings: settings.value, protocol: upstream.protocol, out }),
    ),
  );
}

const IDLE: Upstream = {
  send: ({ body }) => {
    if (isStream(body)) body.discard();
    return Promise.resolve(err({ problem: "upstream_unreachable", cause: "this process serves no requests" }));
  },
  async [Symbol.asyncDispose]() {},
};

interface Opening {
  readonly settings: UpstreamSettings;
  readonly protocol: UpstreamProtocol;
  readonly out: OutOfService;
}

function open(deps: AcquireUpstreamDeps, { settings, protocol, out }: Opening): Upstream {
  const { clock, log, metrics, upstreamClient = "sallyport" } = deps;
  const openEndpoints = protocol === "http" ? CLIENTS[upstreamClient] : http2Endpoints;
  const balanced = new BalancedUpstream(settings, { open: openEndpoints, resolve: systemResolve, clock, log, metrics, out });
  return meteredUpstream(protocol === "grpc" ? grpcUpstream(balanced) : balanced, { name: settings.name, metrics, clock });
}

async function pemsOf(
  { tls }: UpstreamConfig,
  { clock, readFile }: Pick<AcquireUpstreamDeps, "clock" | "readFile">,
): Promise<Result<PemMaterial | undefined, readonly string[]>> {
  if (tls === undefined) return ok(undefined);
  const { caFile, pair } = tls;
  const files = { ...(pair === undefined ? {} : { pair }), ...(caFile === undefined ? {} : { caFile }) };
  return readPemFiles(files, clock.wallMs(), readFile);
}

function settingsOf(upstream: UpstreamConfig, pems: PemMaterial | undefined): Result<UpstreamSettings, string> {
  const settings = { ...upstream, hasFallback: upstream.fallback.length > 0 };
  if (pems === undefined) return ok(settings);
  const context = upstreamContext(pems);
  if (!context.ok) return context;
  const serverName = upstream.tls?.serverName;
  return ok({
    ...settings,
    endpoints: upstream.endpoints.map((each) => ({ ...each, tls: endpointTls(context.value, serverName ?? each.host) })),
  });
}
