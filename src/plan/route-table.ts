import type { RequestHead } from "../model/exchange.ts";
import type { PathPattern } from "../model/path-pattern.ts";
import type { RoutePlan } from "../model/plan.ts";
import { hostName, matchesMethod } from "./match-pattern.ts";

/** Where a head leads: the entry of the winning route, or why there is none. */
export type TableMatch<R> =
  | { readonly kind: "matched"; readonly route: R }
  | { readonly kind: "no-route" }
  | { readonly kind: "method-not-allowed"; readonly allow: readonly string[] };

/** One route to be put into the table. */
export interface TableRoute<R> {
  readonly plan: RoutePlan;
  readonly pattern: PathPattern;
  readonly route: R;
}

/** A compiled route table. Cost depends on the length of the path, not on the number of routes. */
export type RouteTable<R> = (listener: string, head: RequestHead, labels: ReadonlyMap<string, string>) => TableMatch<R>;

interface Node<R> {
  readonly literals: Map<string, Node<R>>;
  star: Node<R> | undefined;
  /** Routes whose pattern ends here, most demanding first. */
  readonly ends: TableRoute<R>[];
  /** Routes whose pattern ends in `**` here. */
  readonly globs: TableRoute<R>[];
}

/** Tries of one listener by host: exact, `*.suffix` (longest first), any. */
interface HostTables<R> {
  readonly exact: Map<string, Node<R>>;
  readonly suffixes: Map<string, Node<R>>;
  readonly any: Node<R>;
}

/**
 * Builds the table. The first route that matches wins, in this order: exact host, `*.host`, none; segment by segment literal,
 * `*`, `**`; header, query and label conditions; listed methods. When only the method stands in the way, the methods that would
 * have been accepted are told (405).
 */
export function routeTable<R>(routes: readonly TableRoute<R>[]): RouteTable<R> {
  const listeners = new Map<string, HostTables<R>>();
  for (const entry of routes.toSorted(byDemand)) {
    for (const listener of entry.plan.listeners) insert(tablesOf(listeners, listener), entry);
  }
  return (listener, head, labels) => find(listeners.get(listener), head, labels);
}

const newNode = <R>(): Node<R> => ({ literals: new Map(), star: undefined, ends: [], globs: [] });

function tablesOf<R>(listeners: Map<string, HostTables<R>>, listener: string): HostTables<R> {
  return getOrAdd(listeners, listener, () => ({ exact: new Map(), suffixes: new Map(), any: newNode() }));
}

function getOrAdd<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const found = map.get(key);
  if (found !== undefined) return found;
  const made = make();
  map.set(key, made);
  return made;
}

function byDemand<R>(a: TableRoute<R>, b: TableRoute<R>): number {
  return conditionCount(b.plan) - conditionCount(a.plan) || Number(b.plan.match.methods.length > 0) - Number(a.plan.match.methods.length > 0);
}

const conditionCount = ({ match }: RoutePlan): number =>
  Object.keys(match.headers).length + Object.keys(match.query).length + Object.keys(match.labels).length;

function insert<R>(tables: HostTables<R>, entry: TableRoute<R>): void {
  const { hosts } = entry.plan.match;
  if (hosts.length === 0) insertPath(tables.any, entry);
  for (const host of hosts) {
    const root = host.startsWith("*.") ? getOrAdd(tables.suffixes, host.slice(1), newNode<R>) : getOrAdd(tables.exact, host, newNode<R>);
    insertPath(root, entry);
  }
}

function insertPath<R>(root: Node<R>, entry: TableRoute<R>): void {
  let node = root;
  for (const segment of entry.pattern.segments) {
    if (segment.kind === "globstar") {
      node.globs.push(entry);
      return;
    }
    node = segment.kind === "literal" ? getOrAdd(node.literals, segment.text, newNode<R>) : (node.star ??= newNode<R>());
  }
  node.ends.push(entry);
}

/** What the walk carries: the question, and the methods that stood in the way so far. */
interface Walk {
  readonly head: RequestHead;
  readonly labels: ReadonlyMap<string, string>;
  readonly allow: Set<string>;
}

function find<R>(tables: HostTables<R> | undefined, head: RequestHead, labels: ReadonlyMap<string, string>): TableMatch<R> {
  if (tables === undefined) return { kind: "no-route" };
  const walk: Walk = { head, labels, allow: new Set() };
  for (const root of rootsFor(tables, hostName(head.host))) {
    const route = descend(root, 1, walk);
    if (route !== undefined) return { kind: "matched", route };
  }
  return walk.allow.size === 0 ? { kind: "no-route" } : { kind: "method-not-allowed", allow: [...walk.allow].toSorted() };
}

function rootsFor<R>(tables: HostTables<R>, host: string): readonly Node<R>[] {
  if (tables.exact.size === 0 && tables.suffixes.size === 0) return [tables.any];
  const roots: Node<R>[] = [];
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

/** Depth first, most specific child first; `start` is where the next segment begins, past the end when none is left. */
function descend<R>(node: Node<R>, start: number, walk: Walk): R | undefined {
  const { path } = walk.head;
  if (start > path.length) return pick(node.ends, walk) ?? pick(node.globs, walk);
  const slash = path.indexOf("/", start);
  const end = slash < 0 ? path.length : slash;
  const segment = path.slice(start, end);
  const literal = node.literals.get(segment);
  const route = literal === undefined ? undefined : descend(literal, end + 1, walk);
  if (route !== undefined) return route;
  const starred = node.star === undefined || segment === "" ? undefined : descend(node.star, end + 1, walk);
  return starred ?? pick(node.globs, walk);
}

function pick<R>(entries: readonly TableRoute<R>[], walk: Walk): R | undefined {
  for (const { plan, route } of entries) {
    if (!conditionsHold(plan, walk)) continue;
    if (matchesMethod(plan.match.methods, walk.head.method)) return route;
    for (const method of plan.match.methods) walk.allow.add(method);
    if (plan.match.methods.includes("GET")) walk.allow.add("HEAD");
  }
  return undefined;
}

function conditionsHold({ match }: RoutePlan, { head, labels }: Walk): boolean {
  for (const name in match.headers) if (head.headers.joined(name) !== match.headers[name]) return false;
  for (const name in match.labels) if (labels.get(name) !== match.labels[name]) return false;
  for (const name in match.query) if (!isOnly(new URLSearchParams(head.query ?? "").getAll(name), match.query[name] ?? "")) return false;
  return true;
}

// exactly once: with a parameter repeated, two routes could both claim the request
const isOnly = (values: readonly string[], expected: string): boolean => values.length === 1 && values[0] === expected;
