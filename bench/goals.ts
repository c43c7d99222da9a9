/** A row of the goals table: what we want, against something measured in the same run. */
export type Goal = RatioGoal | FurtherReviewGoal | FigureGoal;

/** Ours / anchor, round by round. */
export interface RatioGoal {
  readonly kind: "ratio";
  readonly title: string;
  /** Of which column. */
  readonly of: "cpuUs" | "p50Ms";
  readonly ours: string;
  readonly anchor: string;
  /** Met at or below; absent: for comparison only. */
  readonly atMost?: number;
}

/** CPU of what each review beyond the first adds, / anchor, which has one. */
export interface FurtherReviewGoal {
  readonly kind: "further-review";
  readonly title: string;
  readonly ours: string;
  readonly furtherReviews: number;
  readonly anchor: string;
  readonly atMost?: number;
}

/** A probe's figure, in its unit. */
export interface FigureGoal {
  readonly kind: "figure";
  readonly title: string;
  readonly probe: string;
  readonly unit: "KiB" | "MiB";
  readonly atMost: number;
}

/** Every goal, in the order of the design, and then what is compared without one. */
export const GOALS: readonly Goal[] = [
  ratio("plain proxying / nginx", "sallyport", "nginx", 1.25),
  ratio("one reviewed request / nginx auth_request + node:http", "sallyport, header view", "nginx auth_request + node:http", 0.7),
  ratio("one reviewed request / HAProxy SPOE + Node agent", "sallyport, header view", "HAProxy SPOE + Node agent", 1.1),
  ratio("one reviewed request / fastify reply-from + grpc-js", "sallyport, header view", "@fastify/reply-from + grpc-js", 0.1),
  further("each further review in series / first reviewed request", "sallyport, 4 reviews", 3, 0.35),
  {
    ...ratio("latency of four validators in parallel / one", "sallyport, 4 validators", "sallyport, 1 validator", 1.3),
    of: "p50Ms",
  },
  ratio("cached verdict / route without a review", "sallyport, cached verdict", "sallyport", 1.1),
  ratio("route with no matching binding / gateway without interceptors", "sallyport, unmatched binding", "sallyport", 1.02),
  ratio("review transport alone / grpc-js unary", "lean unary", "grpc-js unary", 0.1),
  ratio("2 workers / 1 worker", "sallyport, 2 workers", "sallyport", 1.1),
  ratio("100,000 routes / ten", "sallyport, 100,000 routes", "sallyport, 10 routes", 1.1),
  ratio("10,000 bindings / ten", "sallyport, 10,000 bindings", "sallyport, 10 bindings", 1.1),
  figure("each of 10,000 idle keep-alive connections", "idle-connections", "KiB", 8),
  figure("growth for a 1 GiB streamed body", "streamed-body", "MiB", 64),

  ratio("plain proxying / HAProxy", "sallyport", "HAProxy"),
  ratio("plain proxying / Caddy", "sallyport", "Caddy"),
  ratio("plain proxying / @fastify/http-proxy", "sallyport", "@fastify/http-proxy"),
  ratio("plain proxying / http-proxy", "sallyport", "http-proxy"),
  ratio("plain proxying over TLS / nginx", "sallyport, TLS", "nginx, TLS"),
  ratio("an event to 100 streams / nginx", "sallyport, 100 streams", "nginx, 100 streams"),
  ratio("one reviewed request / Caddy forward_auth + node:http", "sallyport, header view", "Caddy forward_auth + node:http"),
  ratio("one reviewed request, one header / all headers", "sallyport, one header", "sallyport, header view"),
  ratio("one reviewed request, unix socket / mTLS", "sallyport, header view, unix", "sallyport, header view"),
  further("the second review in series / first reviewed request", "sallyport, 2 reviews", 1),
  ratio("observed only / route without a review", "sallyport, observed", "sallyport"),
  ratio("body of 1 KiB shown / not shown", "sallyport, body of 1 KiB", "sallyport, body of 1 KiB not shown"),
  ratio("body of 64 KiB shown / not shown", "sallyport, body of 64 KiB", "sallyport, body of 64 KiB not shown"),
  ratio("our review client, grpc-js service / grpc-js unary", "lean client, grpc-js service", "grpc-js unary"),
  ratio("grpc-js client, our review service / grpc-js unary", "grpc-js client, lean service", "grpc-js unary"),
];

function ratio(title: string, ours: string, anchor: string, atMost?: number): RatioGoal {
  return { kind: "ratio", of: "cpuUs", title, ours, anchor, ...(atMost === undefined ? {} : { atMost }) };
}

function further(title: string, ours: string, furtherReviews: number, atMost?: number): FurtherReviewGoal {
  const anchor = "sallyport, header view";
  return { kind: "further-review", title, ours, furtherReviews, anchor, ...(atMost === undefined ? {} : { atMost }) };
}

function figure(title: string, probe: string, unit: FigureGoal["unit"], atMost: number): FigureGoal {
  return { kind: "figure", title, probe, unit, atMost };
}

/** The peers without which a goal would go unmeasured: all that `--quick` measures. */
export const peersOfGoals = (): ReadonlySet<string> =>
  new Set(GOALS.flatMap((goal) => ("ours" in goal && goal.atMost !== undefined ? [goal.ours, goal.anchor] : [])));
