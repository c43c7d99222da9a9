import type { ConfigIssue } from "../../model/config-issue.ts";
import type { Cursor } from "../source/cursor.ts";

/** Most upstreams that one may lead to, over all fallbacks of fallbacks: a request may try each of them. */
export const MAX_FALLBACKS = 8;

/** Fallbacks lead to an end, and to few enough upstreams. Names that do not exist are reported as references. */
export function checkFallbacks(config: Cursor): readonly ConfigIssue[] {
  const upstreams = new Map(config.get("upstreams").entries());
  return [...upstreams].flatMap(([name, upstream]) => {
    const fallback = upstream.get("fallback");
    if (fallback.items().length === 0) return [];
    const circle = circleFrom(name, upstreams);
    if (circle !== undefined) return fallback.issue(`leads back to ${name}: ${circle.join(" -> ")}`);
    const count = reachedFrom(name, upstreams).size;
    return count > MAX_FALLBACKS
      ? fallback.issue(`leads to ${count} upstreams`, `at most ${MAX_FALLBACKS}, those of fallbacks included`)
      : [];
  });
}

type Upstreams = ReadonlyMap<string, Cursor>;

const nextOf = (name: string, upstreams: Upstreams): readonly string[] =>
  upstreams
    .get(name)
    ?.get("fallback")
    .items()
    .flatMap((item) => fallbackName(item).text() ?? []) ?? [];

/** Where an entry names its upstream. */
export const fallbackName = (entry: Cursor): Cursor => (entry.node?.kind === "map" ? entry.get("upstream") : entry);

function reachedFrom(name: string, upstreams: Upstreams): ReadonlySet<string> {
  const reached = new Set<string>();
  const open = [...nextOf(name, upstreams)];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (reached.has(next)) continue;
    reached.add(next);
    open.push(...nextOf(next, upstreams));
  }
  return reached;
}

/** The shortest way from an upstream back to itself. */
function circleFrom(name: string, upstreams: Upstreams): readonly string[] | undefined {
  const seen = new Set<string>();
  let ways: (readonly string[])[] = [[name]];
  while (ways.length > 0) {
    const longer: (readonly string[])[] = [];
    for (const way of ways) {
      for (const next of nextOf(way.at(-1) ?? name, upstreams)) {
        if (next === name) return [...way, next];
        if (seen.has(next)) continue;
        seen.add(next);
        longer.push([...way, next]);
      }
    }
    ways = longer;
  }
  return undefined;
}
