import type { RequestHead } from "../model/exchange.ts";
import { comparablePath } from "../model/path-pattern.ts";
import { QueryText } from "../model/query-text.ts";
import { hostName, matchesMethod, segmentEnd } from "./match-pattern.ts";
import {
  buildTries,
  valuesKey,
  type HostTables,
  type Node,
  type RouteGroup,
  type RouteGroups,
  type TableRoute,
} from "./route-trie.ts";

/** Where a head leads: the entry of the winning route, or why there is none. */
export type TableMatch<R> =
  | { readonly kind: "matched"; readonly route: R }
  | { readonly kind: "no-route" }
  | { readonly kind: "method-not-allowed"; readonly allow: readonly string[] };

/** A compiled route table. What it costs depends on the path and on the patterns along it, not on the number of routes. */
export type RouteTable<R> = (listener: string, head: RequestHead, labels: ReadonlyMap<string, string>) => TableMatch<R>;

/**
 * Builds the table. The first route that matches wins, in this order: exact host, `*.host`, none; segment by segment literal,
 * `*`, `**`; header, query and label conditions; listed methods. When only the method stands in the way, the methods that would
 * have been accepted are told (405).
 */
export function routeTable<R>(routes: readonly TableRoute<R>[]): RouteTable<R> {
  const tries = buildTries(routes);
  return (listener, head, labels) => find(tries.get(listener), head, labels);
}

/** What the walk carries: the question, and the methods that stood in the way so far. */
interface Walk {
  readonly head: RequestHead;
  /** Of the head, as patterns are compared with. */
  readonly path: string;
  readonly labels: ReadonlyMap<string, string>;
  /** Made when it is needed: mostly it is not. */
  allow: Set<string> | undefined;
  /** The query in parts, once some route asks. */
  query: QueryText | undefined;
}

function find<R>(tables: HostTables<R> | undefined, head: RequestHead, labels: ReadonlyMap<string, string>): TableMatch<R> {
  if (tables === undefined) return { kind: "no-route" };
  const walk: Walk = { head, path: comparablePath(head.path), labels, allow: undefined, query: undefined };
  for (const root of rootsFor(tables, head.host)) {
    const route = descend(root, 1, walk);
    if (route !== undefined) return { kind: "matched", route };
  }
  return walk.allow === undefined ? { kind: "no-route" } : { kind: "method-not-allowed", allow: [...walk.allow].toSorted() };
}

function rootsFor<R>(tables: HostTables<R>, authority: string): readonly Node<R>[] {
  if (tables.exact.size === 0 && tables.suffixes.size === 0) return [tables.any];
  const roots: Node<R>[] = [];
  const host = hostName(authority);
  const exact = tables.exact.get(host);
  if (exact !== undefined) roots.push(exact);
  // every suffix that begins at a dot, longest first
  for (let dot = host.indexOf(".", 1); dot > 0 && tables.suffixes.size > 0; dot = host.indexOf(".", dot + 1)) {
    const root = tables.suffixes.get(host.slice(dot));
    if (root !== undefined) roots.push(root);
  }
  roots.push(tables.any);
  return roots;
}

/**
 * Depth first, most specific child first; `start` is where the next segment begins, past the end when none is left. One way leads to
 * each node, so none is visited twice, whatever patterns look alike.
 */
function descend<R>(node: Node<R>, start: number, walk: Walk): R | undefined {
  const { path } = walk;
  if (start > path.length) return pick(node.ends, walk) ?? pick(node.globs, walk);
  const end = segmentEnd(path, start);
  const segment = path.slice(start, end);
  const literal = node.literals.get(segment);
  const route = literal === undefined ? undefined : descend(literal, end + 1, walk);
  if (route !== undefined) return route;
  const starred = node.star === undefined || segment === "" ? undefined : descend(node.star, end + 1, walk);
  return starred ?? pick(node.globs, walk);
}

function pick<R>(groups: RouteGroups<R> | undefined, walk: Walk): R | undefined {
  if (groups === undefined) return undefined;
  for (const group of groups.values()) {
    for (const { plan, route } of fitting(group, walk)) {
      if (matchesMethod(plan.match.methods, walk.head.method)) return route;
      walk.allow ??= new Set();
      for (const method of plan.match.methods) walk.allow.add(method);
      if (plan.match.methods.includes("GET")) walk.allow.add("HEAD");
    }
  }
  return undefined;
}

/** The routes of a group whose conditions hold. */
function fitting<R>(group: RouteGroup<R>, walk: Walk): readonly TableRoute<R>[] {
  const values: string[] = [];
  for (const name of group.headers) if (!asked(values, walk.head.headers.joined(name))) return [];
  for (const name of group.query) {
    walk.query ??= new QueryText(walk.head.query ?? "");
    const [value, second] = walk.query.values(name);
    // exactly once: with a parameter repeated, two routes could both claim the request
    if (second !== undefined || !asked(values, value)) return [];
  }
  for (const name of group.labels) if (!asked(values, walk.labels.get(name))) return [];
  return group.byValues.get(valuesKey(values)) ?? [];
}

function asked(values: string[], value: string | undefined): boolean {
  if (value === undefined) return false;
  values.push(value);
  return true;
}
