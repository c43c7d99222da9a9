import { caddyForwardAuth } from "../peers/caddy.ts";
import { fastifyGrpcReview } from "../peers/fastify-grpc-review.ts";
import { haproxySpoe } from "../peers/haproxy-spoe.ts";
import { nginxAuthRequest } from "../peers/nginx-auth-request.ts";
import { reviewTransport } from "../peers/review-transport.ts";
import { sallyport } from "../peers/sallyport.ts";
import type { ReviewTerms } from "../peers/sallyport-terms.ts";
import { bodyOf } from "./body-of.ts";
import type { Contender, Scenario, ScenarioRequest } from "./scenario.ts";

/** Every header a binding may see without being granted more. */
export const HEADER_VIEW = ["/request/headers"];

const TENANT = ["/request/headers/x-tenant-id"];
const VERIFIED: ScenarioRequest = { path: "/reviewed/orders/42", seenTenant: "acme" };
const LOOKED_AT: ScenarioRequest = { ...VERIFIED, seenTenant: undefined };
const ONE: ReviewTerms = { bindings: 1, mode: "mutate", needs: HEADER_VIEW, transport: "mtls" };

/** A gateway of ours whose reviews differ from one mutate binding over mTLS with every header in what is said here. */
const ours = (name: string, description: string, wish: Partial<ReviewTerms> = {}): Contender => {
  const reviews = { ...ONE, ...wish };
  return {
    peer: sallyport({ name: `sallyport, ${name}`, description, reviews }),
    reviews: reviews.isCached === true ? 0 : reviews.bindings,
  };
};

const bodies = (kib: number): Scenario => ({
  name: `body-${kib}k`,
  title: `One review of a request body, ${kib} KiB of JSON`,
  request: { ...VERIFIED, body: bodyOf(kib * 1024) },
  peers: [
    ours(`body of ${kib} KiB`, "the binding needs the body as JSON and one header", { needs: [...TENANT, "/request/body"] }),
    ours(`body of ${kib} KiB not shown`, "the same request, of which the binding needs the header alone", { needs: TENANT }),
  ],
});

/** What asking somebody costs. */
export const REVIEWED_SCENARIOS: readonly Scenario[] = [
  {
    name: "reviewed",
    title: "One reviewed request",
    request: VERIFIED,
    peers: [
      ours("header view", "one mutate binding over mTLS that needs every request header"),
      ours("one header", "the same binding, needing one header", { needs: TENANT }),
      ours("header view, unix", "the first over a unix socket", { transport: "unix" }),
      { peer: nginxAuthRequest },
      { peer: haproxySpoe },
      { peer: caddyForwardAuth },
      { peer: fastifyGrpcReview },
    ],
  },
  {
    name: "series",
    title: "Reviews in series",
    request: VERIFIED,
    peers: [
      ours("2 reviews", "two mutate bindings of one interceptor, one after the other, header view", { bindings: 2 }),
      ours("4 reviews", "four of them", { bindings: 4 }),
    ],
  },
  {
    name: "parallel",
    title: "Validators in parallel, one request at a time",
    request: { ...LOOKED_AT, connections: 1 },
    peers: [
      ours("1 validator", "one validate binding, header view", { mode: "validate" }),
      ours("4 validators", "four validate bindings of one interceptor, asked at once", { mode: "validate", bindings: 4 }),
    ],
  },
  {
    name: "observed",
    title: "Observed only",
    request: LOOKED_AT,
    peers: [ours("observed", "one observe binding, asked after the exchange, header view", { mode: "observe" })],
  },
  {
    name: "cached",
    title: "Verdict from the cache",
    request: VERIFIED,
    peers: [
      ours("cached verdict", "one mutate binding whose verdict for one header holds a minute", { needs: TENANT, isCached: true }),
    ],
  },
  bodies(1),
  bodies(64),
  {
    name: "transport",
    title: "Review transport alone",
    request: "own",
    peers: [
      { peer: reviewTransport("lean", "lean") },
      { peer: reviewTransport("lean", "grpc-js") },
      { peer: reviewTransport("grpc-js", "lean") },
      { peer: reviewTransport("grpc-js", "grpc-js") },
    ],
  },
];
