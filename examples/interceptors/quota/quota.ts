import { allow, binding, defineInterceptor, deny, type Interceptor, serveFromEnv } from "@sallyport/interceptors-sdk";

// traceparent carries the gateway's own span: one exchange, whatever request id its client chose
const NEEDS = ["/request/headers/traceparent", "/labels/tenant", "/principal/id"] as const;
const MAX_SUBJECTS = 10_000;

/**
 * Lets each tenant (label `tenant`), or else each principal, make `limit` requests in a window that begins with the
 * first one. `reserve` spends before the request is forwarded; `settle` sees how it ended and gives back what brought
 * nothing. Counts are kept in this process.
 */
export function quota(now: () => number = () => performance.now()): Interceptor<"reserve" | "settle"> {
  const windows = new Map<string, Window>();
  return defineInterceptor({
    name: "quota",
    version: "1.0.0",
    stateScope: "replica",
    bindings: {
      reserve: binding({
        phase: "pre-route",
        mode: "validate",
        needs: NEEDS,
        idempotent: true, // spent by exchange: the same review twice counts once
        config: quotaConfig,
        review({ request, labels, principal }, { config }) {
          const exchange = request.headers.traceparent ?? "";
          const subject = subjectOf(labels["tenant"], principal.id);
          let window = windows.get(subject);
          if (window === undefined || window.endsAtMs <= now()) {
            if (windows.size >= MAX_SUBJECTS) forgetEnded(windows, now());
            if (windows.size >= MAX_SUBJECTS) return deny(503, "quota_busy", "too many callers are being counted");
            window = { endsAtMs: now() + config.windowMs, spent: new Set() };
            windows.set(subject, window);
          }
          if (!window.spent.has(exchange) && window.spent.size >= config.limit) {
            const retryAfter = Math.ceil((window.endsAtMs - now()) / 1000);
            const message = `the quota of ${config.limit} requests is spent; it is renewed in ${retryAfter} s`;
            return deny(429, "quota_exceeded", message, { headers: { "retry-after": retryAfter } });
          }
          window.spent.add(exchange);
          return allow().annotate("quota-left", String(config.limit - window.spent.size));
        },
      }),
      settle: binding({
        phase: "pre-route",
        mode: "observe",
        needs: [...NEEDS, "/outcome"],
        review({ request, labels, principal, outcome }) {
          const broughtNothing = outcome.failure !== "" || outcome.status >= 500;
          if (outcome.open || !broughtNothing) return allow();
          const window = windows.get(subjectOf(labels["tenant"], principal?.id ?? ""));
          window?.spent.delete(request.headers.traceparent ?? "");
          return allow().annotate("quota", "refunded");
        },
      }),
    },
  });
}

interface Window {
  readonly endsAtMs: number;
  readonly spent: Set<string>;
}

const subjectOf = (tenant: string | undefined, principalId: string): string =>
  tenant === undefined ? `principal ${principalId}` : `tenant ${tenant}`;

function forgetEnded(windows: Map<string, Window>, nowMs: number): void {
  for (const [subject, window] of windows) if (window.endsAtMs <= nowMs) windows.delete(subject);
}

function quotaConfig(value: unknown): { readonly limit: number; readonly windowMs: number } {
  const { limit, window } = Object(value) as { readonly limit?: unknown; readonly window?: unknown }; // checked right here
  const [, digits, unit = ""] = /^(\d{1,9})(s|m|h)$/.exec(String(window)) ?? [];
  const windowMs = Number(digits) * ({ s: 1000, m: 60_000, h: 3_600_000 }[unit] ?? Number.NaN);
  if (typeof limit === "number" && Number.isInteger(limit) && limit >= 1 && windowMs > 0) return { limit, windowMs };
  throw new TypeError('expected { limit: 100, window: "60s" }, a whole number above 0 and a duration in s, m or h');
}

if (import.meta.main) await serveFromEnv(quota());
