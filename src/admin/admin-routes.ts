import type {
  InterceptorStates,
  MetricsText,
  PlanView,
  PublicKeys,
  Readiness,
  Reloader,
  VerdictRevoker,
  WorkerRoller,
} from "../ports/admin-facts.ts";
import type { AdminRoute } from "../ports/admin-route.ts";
import { health } from "./routes/health.ts";
import { interceptors } from "./routes/interceptors.ts";
import { jwks } from "./routes/jwks.ts";
import { metrics } from "./routes/metrics.ts";
import { openapi } from "./routes/openapi.ts";
import { plan } from "./routes/plan.ts";
import { ready } from "./routes/ready.ts";
import { reload } from "./routes/reload.ts";
import { revoke } from "./routes/revoke.ts";
import { roll } from "./routes/roll.ts";

/** What the admin endpoints speak about. */
export interface AdminFacts {
  readonly readiness: Readiness;
  readonly metrics: MetricsText;
  readonly plan: PlanView;
  readonly reloader: Reloader;
  readonly interceptors: InterceptorStates;
  readonly publicKeys: PublicKeys;
  readonly verdicts: VerdictRevoker;
  readonly workers: WorkerRoller;
  /** Of the gateway, for the API description. */
  readonly version: string;
}

/** Every admin endpoint. A new one is a file in `routes/` and a line here; authorization and the API description follow. */
export function adminRoutes(facts: AdminFacts): readonly AdminRoute[] {
  const routes = [
    // probes of other platforms ask by these names
    ...underNames(health(), "/healthz", "/livez"),
    ...underNames(ready(facts.readiness), "/readyz"),
    metrics(facts.metrics),
    jwks(facts.publicKeys),
    plan(facts.plan),
    interceptors(facts.interceptors),
    reload(facts.reloader),
    revoke(facts.verdicts),
    roll(facts.workers),
  ];
  return [...routes, openapi(routes, facts.version)];
}

const underNames = (route: AdminRoute, ...aliases: readonly string[]): readonly AdminRoute[] => [
  route,
  ...aliases.map((path) => ({ ...route, path, summary: `Another name of ${route.path}.` })),
];
