import { caddyProxy } from "../peers/caddy.ts";
import { withEventStreams } from "../peers/event-streams.ts";
import { fastifyHttpProxy } from "../peers/fastify-http-proxy.ts";
import { haproxyProxy } from "../peers/haproxy-proxy.ts";
import { httpProxy } from "../peers/http-proxy.ts";
import { nginxProxy } from "../peers/nginx-proxy.ts";
import { withHttp2Load } from "../peers/http2-load.ts";
import { nginxHttp2, nginxTls } from "../peers/nginx-tls.ts";
import { sallyport } from "../peers/sallyport.ts";
import { HEADER_VIEW } from "./reviewed.ts";
import type { Scenario, ScenarioRequest } from "./scenario.ts";

const PLAIN: ScenarioRequest = { path: "/plain/orders/42", seenTenant: undefined };
const plain = sallyport({ name: "sallyport", description: "a plain route of ten, no interceptors" });

const ownCodec = sallyport({
  name: "sallyport, own codec",
  description: "the same with `codec: sallyport`: our parser instead of Node's HTTP server",
  codec: "sallyport",
});

/** Passing requests on, with nobody to ask. */
export const PLAIN_SCENARIOS: readonly Scenario[] = [
  {
    name: "plain",
    title: "Plain proxying",
    request: PLAIN,
    peers: [
      { peer: plain, reviews: 0 },
      { peer: ownCodec, reviews: 0 },
      {
        peer: sallyport({
          name: "sallyport, unmatched binding",
          description: "the same route in a gateway whose interceptor reviews another route",
          reviews: { bindings: 1, mode: "mutate", needs: HEADER_VIEW, transport: "mtls" },
        }),
        reviews: 0,
      },
      {
        peer: sallyport({
          name: "sallyport, 2 workers",
          description: "the same route served by two worker processes",
          workers: 2,
        }),
        reviews: 0,
      },
      { peer: nginxProxy },
      { peer: haproxyProxy },
      { peer: caddyProxy },
      { peer: fastifyHttpProxy },
      { peer: httpProxy },
    ],
  },
  {
    name: "tls",
    title: "Plain proxying, TLS in front",
    request: PLAIN,
    peers: [
      { peer: sallyport({ name: "sallyport, TLS", description: "the same with an https listener", hasTls: true }) },
      { peer: nginxTls },
    ],
  },
  {
    name: "http2",
    title: "Plain proxying, HTTP/2 and TLS in front (8 connections, 8 requests at a time on each)",
    request: "own",
    peers: [
      {
        peer: withHttp2Load(
          sallyport({
            name: "sallyport, HTTP/2",
            description: "the same with `protocols: [http1, http2]`",
            hasTls: true,
            hasHttp2: true,
          }),
        ),
      },
      { peer: withHttp2Load(nginxHttp2) },
    ],
  },
  {
    name: "sse",
    title: "Server-sent events to 100 streams (a request is an event of 256 bytes)",
    request: "own",
    peers: [{ peer: withEventStreams(plain) }, { peer: withEventStreams(nginxProxy) }],
  },
];
