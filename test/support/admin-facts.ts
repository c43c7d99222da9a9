import type { AdminFacts } from "../../src/admin/admin-routes.ts";
import type { ExecutionPlan } from "../../src/model/plan.ts";
import type { PlanChange, ReadinessCheck, ReloadOutcome, RollOutcome } from "../../src/ports/admin-facts.ts";

/** A plan with nothing in it. */
export const emptyPlan = (revision = "r1"): ExecutionPlan => ({
  revision,
  routes: [],
  bindings: [],
  interceptors: [],
  upstreams: [],
  authenticators: [],
  hidden: { headers: [], query: [], subprotocols: [] },
  warnings: [],
});

/** Facts of a gateway that does nothing, for tests of what is said about it. */
export class FakeAdminFacts implements AdminFacts {
  isReady = true;
  readinessChecks: readonly ReadinessCheck[] = [];
  reloadOutcome: ReloadOutcome = { kind: "unchanged", revision: "r1" };
  /** Reasons of the reloads asked for. */
  readonly reloads: string[] = [];
  currentPlan: ExecutionPlan = emptyPlan();
  states: ReturnType<AdminFacts["interceptors"]["interceptors"]> = [];
  readonly version = "0.1.0";

  readonly readiness = withReady(
    () => this.isReady,
    () => this.readinessChecks,
  );

  readonly metrics = {
    contentType: "text/plain; version=0.0.4; charset=utf-8",
    expose: () => Promise.resolve("sallyport_x 1\n"),
  };
  history: readonly PlanChange[] = [];
  readonly plan = { plan: () => this.currentPlan, history: () => this.history };
  readonly publicKeys = { jwks: () => ({ keys: [] }) };
  /** What was revoked; the interceptor `tenancy` is known, and forgets one verdict for each tag. */
  readonly revokes: (readonly string[])[] = [];
  readonly verdicts = {
    revoke: (interceptor: string, tags: readonly string[]) => {
      if (interceptor !== "tenancy") return undefined;
      this.revokes.push(tags);
      return tags.length;
    },
  };
  /** Undefined: one process serves. */
  rollOutcome: RollOutcome | undefined;
  readonly workers = { roll: () => (this.rollOutcome === undefined ? undefined : Promise.resolve(this.rollOutcome)) };
  readonly interceptors = { interceptors: () => this.states };

  readonly reloader = {
    reload: (reason: string) => {
      this.reloads.push(reason);
      return Promise.resolve(this.reloadOutcome);
    },
  };
}

const withReady = (isReady: () => boolean, checks: () => readonly ReadinessCheck[]) => ({
  get ready() {
    return isReady();
  },
  checks,
});
