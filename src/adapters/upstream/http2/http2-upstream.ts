import { isStream } from "../../../model/byte-stream.ts";
import { err } from "../../../model/result.ts";
import type { Clock } from "../../../ports/clock.ts";
import type { Upstream } from "../../../ports/upstream.ts";
import type { HttpUpstreamSettings } from "../http-upstream.ts";
import type { EndpointTls } from "./attempt.ts";
import { Http2Endpoint } from "./http2-endpoint.ts";

/** One named upstream over HTTP/2: by prior knowledge to `http` endpoints, by ALPN to `https` ones. */
export interface Http2UpstreamSettings extends HttpUpstreamSettings {
  /** Required where an endpoint is `https`. */
  readonly tls?: EndpointTls;
}

/** Sends over HTTP/2, endpoints in turn. */
export function http2Upstream(settings: Http2UpstreamSettings, { clock }: { readonly clock: Clock }): Upstream {
  const { timeouts, maxRequests, tls } = settings;
  const endpoints = settings.endpoints.map(({ url }) => new Http2Endpoint({ url, tls, timeouts, clock }));
  let next = 0;
  return {
    send(request, cancel) {
      const underWay = endpoints.reduce((sum, endpoint) => sum + endpoint.underWay, 0);
      const endpoint = endpoints[next % endpoints.length];
      if (endpoint === undefined || underWay >= maxRequests) {
        if (isStream(request.body)) request.body.discard();
        return Promise.resolve(err({ problem: "upstream_overloaded", cause: `${underWay} requests under way` }));
      }
      next += 1;
      return endpoint.send(request, cancel);
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(endpoints.map((endpoint) => endpoint[Symbol.asyncDispose]()));
    },
  };
}
