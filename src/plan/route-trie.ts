import type { PathPattern } from "../model/path-pattern.ts";
import type { RoutePlan } from "../model/plan.ts";

/** One route to be put into the table. */
export interface TableRoute<R> {
  readonly plan: RoutePlan;
  readonly pattern: PathPattern;
  readonly route: R;
}

/** Where a walk stands after some segments of a path. */
export interface Node<R> {
  readonly literals: Map<string, Node<R>>;
  star: Node<R> | undefined;
  /** Routes whose pattern ends here, most demanding first. */
  readonly ends: TableRoute<R>[];
  /** Routes whose pattern ends in `**` here. */
  readonly globs: TableRoute<R>[];
}

/** Tries of one listener by host: exact, `*.suffix` (longest first), any. */
export interface HostTables<R> {
  readonly exact: Map<string, Node<R>>;
  readonly suffixes: Map<string, Node<R>>;
  readonly any: Node<R>;
}

/** The tries of every listener by its name. Wherever routes meet, those that ask for more stand first. */
export function buildTries<R>(routes: readonly TableRoute<R>[]): ReadonlyMap<string, HostTables<R>> {
  const listeners = new Map<string, HostTables<R>>();
  for (const entry of routes.toSorted(byDemand)) {
    for (const listener of entry.plan.listeners) insert(tablesOf(listeners, listener), entry);
  }
  return listeners;
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
  return (
    conditionCount(b.plan) - conditionCount(a.plan) ||
    Number(b.plan.match.methods.length > 0) - Number(a.plan.match.methods.length > 0)
  );
}

const conditionCount = ({ match }: RoutePlan): number =>
  Object.keys(match.headers).length + Object.keys(match.query).length + Object.keys(match.labels).length;

function insert<R>(tables: HostTables<R>, entry: TableRoute<R>): void {
  const { hosts } = entry.plan.match;
  if (hosts.length === 0) insertPath(tables.any, entry);
  for (const host of hosts) {
    const root = host.startsWith("*.")
      ? getOrAdd(tables.suffixes, host.slice(1), newNode<R>)
      : getOrAdd(tables.exact, host, newNode<R>);
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
