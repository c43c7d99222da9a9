import { CONNECTION_CASES } from "./cases/connections.ts";
import { DESCRIBE_CASES } from "./cases/describe.ts";
import { DRAIN_CASES } from "./cases/drain.ts";
import { HEALTH_CASES } from "./cases/health.ts";
import { HOSTILE_CASES } from "./cases/hostile.ts";
import { MANIFEST_CASES } from "./cases/manifest.ts";
import { OPTIONAL_CASES } from "./cases/optional.ts";
import { REVIEW_CASES } from "./cases/reviews.ts";
import { TIME_CASES } from "./cases/time.ts";
import { TOKEN_CASES } from "./cases/tokens.ts";
import { TRUST_CASES } from "./cases/trust.ts";
import { VERDICT_CASES } from "./cases/verdicts.ts";
import type { ConformanceCase } from "./conformance-case.ts";

/** Every case, in the order they run: what a service is, what it answers, what it withstands, who gets in, how it ends. */
export const ALL_CASES: readonly ConformanceCase[] = [
  ...DESCRIBE_CASES,
  ...MANIFEST_CASES,
  ...VERDICT_CASES,
  ...REVIEW_CASES,
  ...HOSTILE_CASES,
  ...TIME_CASES,
  ...CONNECTION_CASES,
  ...HEALTH_CASES,
  ...OPTIONAL_CASES,
  ...TRUST_CASES,
  ...TOKEN_CASES,
  // the service may be gone afterwards
  ...DRAIN_CASES,
];
