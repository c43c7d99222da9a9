import { readApi, type Api } from "../adapters/upstream/grpc/transcode/api.ts";
import type { ApiFault } from "../adapters/upstream/grpc/transcode/rule-faults.ts";
import type { GatewayConfig, RouteConfig } from "../config/gateway-config.ts";
import type { LoadedConfig } from "../config/load-config.ts";
import type { ConfigIssue } from "../model/config-issue.ts";
import { err, type Result } from "../model/result.ts";

/** What of a configuration the services of a route follow from. */
type ApiConfig = Pick<GatewayConfig, "upstreams">;

/** The services a route offers as HTTP and JSON; undefined: none. Routes with the same ones share them, within one call of this. */
export function routeApis({ upstreams }: ApiConfig): (route: RouteConfig) => ApiResult | undefined {
  const sets = new Map(upstreams.map(({ name, descriptorSet }) => [name, descriptorSet]));
  const known = new Map<string, ApiResult>();
  return ({ upstream, transcode }) => {
    if (transcode === undefined) return undefined;
    const key = JSON.stringify([upstream, transcode]);
    const set = sets.get(upstream);
    const api = known.get(key) ?? (set === undefined ? NO_SET : readApi(set, transcode));
    known.set(key, api);
    return api;
  };
}

/** The services, or all that is wrong with them. */
export type ApiResult = Result<Api, readonly ApiFault[]>;

const NO_SET: ApiResult = err([{ pointer: "", message: "the upstream has no descriptor set" }]);

/** Why routes cannot offer the services they name. */
export function apiIssues({ config, positions }: LoadedConfig): readonly ConfigIssue[] {
  const apiOf = routeApis(config);
  return config.routes.flatMap((route, index) => {
    const api = apiOf(route);
    if (api === undefined || api.ok) return [];
    return api.error.map(({ pointer, message, hint }) =>
      positions.issueAt(`/routes/${index}/transcode${pointer}`, message, hint),
    );
  });
}
