import type { ConfigIssue } from "../../model/config-issue.ts";
import type { Cursor } from "../source/cursor.ts";
import { parsePathPattern } from "../path-pattern.ts";
import { mayQuote, quote } from "../validate/found.ts";
import { pathOf } from "./route-path.ts";

/** Two routes that rank alike and can match one request: which one it takes would be an accident. */
export function checkRouteTies(config: Cursor): readonly ConfigIssue[] {
  const byShape = new Map<string, Rivals>();
  const issues: ConfigIssue[] = [];
  for (const route of config.get("routes").items()) {
    const tied = toTied(route);
    if (tied === undefined) continue;
    const rival = firstOf(tied.shapes, (shape) => byShape.get(shape)?.rivalOf(tied));
    if (rival !== undefined) issues.push(...tieIssue(route, rival));
    for (const shape of tied.shapes) {
      const known = byShape.get(shape) ?? new Rivals();
      known.add(tied);
      byShape.set(shape, known);
    }
  }
  return issues;
}

const tieIssue = (route: Cursor, rival: Tied): ConfigIssue[] =>
  [route.get("match").get("path"), route.get("match").get("grpc")]
    .filter(({ node }) => node !== undefined)
    .slice(0, 1)
    .flatMap((place) =>
      place.issue(
        `matches the same requests as ${rival.name}, with the same rank`,
        "tell them apart by host, path, methods, headers or query",
      ),
    );

interface Tied {
  /** As issues say it. */
  readonly name: string;
  /** One per host: what must be equal for a tie, as text. */
  readonly shapes: readonly string[];
  /** Undefined: all. */
  readonly listeners: ReadonlySet<string> | undefined;
  readonly methods: ReadonlySet<string>;
  readonly conditions: ReadonlyMap<string, string>;
}

function toTied(route: Cursor): Tied | undefined {
  const match = route.get("match");
  const pattern = parsePathPattern(pathOf(match));
  if (!pattern.ok) return undefined;
  const path = pattern.value.segments.map((segment) =>
    segment.kind === "literal" ? segment.text : segment.kind === "globstar" ? "**" : "*",
  );
  const isGrpc = match.get("grpc").node !== undefined;
  const methods = new Set(
    (isGrpc ? ["POST"] : match.get("methods").texts()).flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method])),
  );
  const conditions = conditionsOf(match);
  const rank = JSON.stringify([path, conditions.size, methods.size > 0]);
  const hosts = match
    .get("hosts")
    .texts()
    .map((host) => host.toLowerCase());
  const shapes = new Set((hosts.length === 0 ? [""] : hosts).map((host) => JSON.stringify([host, rank])));
  const own = route.get("listeners");
  const listeners = own.node === undefined ? undefined : new Set(own.texts());
  const name = route.get("name");
  const shown =
    name.node !== undefined && mayQuote(name.node, name.pointer) ? `route ${quote(name.text() ?? "")}` : "another route";
  return { name: shown, shapes: [...shapes], listeners, methods, conditions };
}

/** Its path pattern, as written or as service and method make it. */
function conditionsOf(match: Cursor): ReadonlyMap<string, string> {
  const conditions = ["headers", "query", "labels"].flatMap((kind) =>
    match
      .get(kind)
      .entries()
      .map(([name, value]) => [`${kind} ${name}`, value.text() ?? ""] as const),
  );
  return new Map(conditions);
}

function firstOf<T, F>(items: readonly T[], find: (item: T) => F | undefined): F | undefined {
  for (const item of items) {
    const found = find(item);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Routes of one shape. Those with conditions on the same names are looked up by their values: thousands may differ in nothing else. */
class Rivals {
  readonly #byNames = new Map<string, { readonly all: Tied[]; readonly byValues: Map<string, Tied[]> }>();

  add(tied: Tied): void {
    const { names, values } = keysOf(tied);
    const group = this.#byNames.get(names) ?? { all: [], byValues: new Map<string, Tied[]>() };
    this.#byNames.set(names, group);
    group.all.push(tied);
    const equal = group.byValues.get(values);
    if (equal === undefined) group.byValues.set(values, [tied]);
    else equal.push(tied);
  }

  rivalOf(tied: Tied): Tied | undefined {
    const own = keysOf(tied);
    for (const [names, { all, byValues }] of this.#byNames) {
      const rival = (names === own.names ? (byValues.get(own.values) ?? []) : all).find((each) => overlaps(each, tied));
      if (rival !== undefined) return rival;
    }
    return undefined;
  }
}

function keysOf({ conditions }: Tied): { readonly names: string; readonly values: string } {
  const sorted = [...conditions].toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return { names: JSON.stringify(sorted.map(([name]) => name)), values: JSON.stringify(sorted.map(([, value]) => value)) };
}

/** Whether some request fits both: a common listener and method, and no condition on one name with two values. */
function overlaps(a: Tied, b: Tied): boolean {
  const sharesMethod = a.methods.size === 0 || b.methods.size === 0 || !a.methods.isDisjointFrom(b.methods);
  const sharesListener = a.listeners === undefined || b.listeners === undefined || !a.listeners.isDisjointFrom(b.listeners);
  if (!sharesMethod || !sharesListener) return false;
  for (const [name, value] of a.conditions) if (b.conditions.has(name) && b.conditions.get(name) !== value) return false;
  return true;
}
