import { fastifyGrpcReview } from "./peers/fastify-grpc-review.ts";
import { fastifyHttpProxy } from "./peers/fastify-http-proxy.ts";
import { nginxAuthRequest } from "./peers/nginx-auth-request.ts";
import { nginxProxy } from "./peers/nginx-proxy.ts";
import type { Peer } from "./peers/peer.ts";
import { sallyport } from "./peers/sallyport.ts";

/** One kind of request, and who is measured with it. */
export interface Scenario {
  readonly name: string;
  readonly title: string;
  /** Path the client asks for. */
  readonly path: string;
  /** The upstream must have seen the tenant a review verified, or none: a peer that does not do the work is not measured. */
  readonly seenTenant: string | undefined;
  readonly peers: readonly Peer[];
}

const HEADER_VIEW = ["/request/headers"];
const ONE_HEADER = ["/request/headers/x-tenant-id"];

/** Every scenario. A new one is a new entry; a new peer is a file in `peers/` and a name here. */
export const SCENARIOS: readonly Scenario[] = [
  {
    name: "plain",
    title: "Plain proxying",
    path: "/plain/orders/42",
    seenTenant: undefined,
    peers: [
      sallyport({ name: "sallyport", description: "a plain route, no interceptors", reviews: 0, needs: HEADER_VIEW }),
      sallyport({
        name: "sallyport, unmatched binding",
        description: "the same route in a gateway whose interceptor reviews another route",
        reviews: 1,
        needs: HEADER_VIEW,
      }),
      fastifyHttpProxy,
      nginxProxy,
    ],
  },
  {
    name: "reviewed",
    title: "One reviewed request",
    path: "/reviewed/orders/42",
    seenTenant: "acme",
    peers: [
      sallyport({
        name: "sallyport, header view",
        description: "one mutate binding over mTLS that needs every request header",
        reviews: 1,
        needs: HEADER_VIEW,
      }),
      sallyport({
        name: "sallyport, one header",
        description: "the same binding, needing one header",
        reviews: 1,
        needs: ONE_HEADER,
      }),
      fastifyGrpcReview,
      nginxAuthRequest,
    ],
  },
  {
    name: "series",
    title: "Four reviews in series",
    path: "/reviewed/orders/42",
    seenTenant: "acme",
    peers: [
      sallyport({
        name: "sallyport, 4 reviews",
        description: "four mutate bindings of one interceptor, one after the other, header view",
        reviews: 4,
        needs: HEADER_VIEW,
      }),
    ],
  },
];
