import type { Ids } from "../../src/ports/ids.ts";

/** Ids that count: `req-1`, `000…1`. */
export function fixedIds(): Ids {
  let made = 0;
  const next = (): number => (made += 1);
  return {
    requestId: () => `req-${next()}`,
    traceId: () => next().toString(16).padStart(32, "0"),
    spanId: () => next().toString(16).padStart(16, "0"),
  };
}
