import { allow, binding, type Binding, defineInterceptor, deny, serveFromEnv } from "@sallyport/interceptors-sdk";
import { OTHERS_IN_MANIFEST, type ReviewTerms } from "../sallyport-terms.ts";

// An interceptor as an integrator writes it; the bench says in BENCH_TERMS what its bindings are.
const terms = JSON.parse(process.env["BENCH_TERMS"] ?? "null") as ReviewTerms; // written by start-interceptor.ts

// a narrower type than what is there: reviews read only what every choice of needs covers
const needs = terms.needs as readonly ["/request/headers/x-tenant-id"];
const withoutTenant = () => deny(400, "tenant_required", "x-tenant-id is required");

/** Each sets a header of its own, because a header has one owner; the first is what the bench looks for. */
function mutating(index: number): Binding {
  // a narrower type than what is there: no literal can name the later ones
  const header = `x-verified-tenant${index === 0 ? "" : `-${index + 1}`}` as "x-verified-tenant";
  return binding({
    phase: "pre-route",
    mode: "mutate",
    needs,
    writes: [`/request/headers/${header}`],
    ownsHeaders: [header],
    idempotent: true,
    cacheable: terms.isCached === true,
    review({ request }) {
      const tenant = request.headers["x-tenant-id"] ?? "";
      if (tenant === "") return withoutTenant();
      const verdict = allow().setHeader(header, tenant);
      return terms.isCached === true ? verdict.cacheFor(60_000) : verdict;
    },
  });
}

const validating = (): Binding =>
  binding({
    phase: "pre-route",
    mode: "validate",
    needs,
    idempotent: true,
    review: ({ request }) => ((request.headers["x-tenant-id"] ?? "") === "" ? withoutTenant() : allow()),
  });

const observing = (): Binding => binding({ phase: "pre-route", mode: "observe", needs, review: () => allow() });

const OWN = { mutate: mutating, validate: validating, observe: observing } as const;
const own = Array.from({ length: terms.bindings }, (_, index) => [`review-${index + 1}`, OWN[terms.mode](index)] as const);
const others = Array.from(
  { length: Math.min(OTHERS_IN_MANIFEST, terms.others ?? 0) },
  (_, index) => [`other-${index}`, validating()] as const,
);

await serveFromEnv(defineInterceptor({ name: "bench", version: "1.0.0", bindings: Object.fromEntries([...own, ...others]) }));
