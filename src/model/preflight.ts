import type { RequestHead } from "./exchange.ts";

/** Headers that make an OPTIONS a CORS preflight, which is matched by the method it asks for (C27). */
export const PREFLIGHT_HEADERS: ReadonlySet<string> = new Set(["origin", "access-control-request-method"]);

/** The method a CORS preflight asks for; undefined where the request is none. One that asks for two is none either. */
export function preflightMethod({ method, headers }: RequestHead): string | undefined {
  if (method !== "OPTIONS" || !headers.has("origin")) return undefined;
  const [asked, second] = headers.lines("access-control-request-method");
  return second === undefined ? asked : undefined;
}
