import type { PathPattern } from "../model/path-pattern.ts";
import type { RoutePlan } from "../model/route-plan.ts";

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
  /** Routes whose pattern ends here, most demanding first; undefined: none. */
  ends: RouteGroups<R> | undefined;
  /** Routes whose pattern ends in `**` here. */
  globs: RouteGroups<R> | undefined;
}

/** By what they ask for, in no wise to be read. */
export type RouteGroups<R> = Map<string, RouteGroup<R>>;

/** Routes that ask for the same headers, parameters and labels, found by the values they ask for: many may differ in nothing else. */
export interface RouteGroup<R> {
  readonly headers: readonly string[];
  readonly query: readonly string[];
  readonly labels: readonly string[];
  /** By `valuesKey`. */
  readonly byValues: Map<string, TableRoute<R>[]>;
}

/** Values of a group, in the order of its names, as one text. */
export const valuesKey = (values: readonly string[]): string => (values.length === 0 ? "" : JSON.stringify(values));

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

const newNode = <R>(): Node<R> => ({ literals: new Map(), star: undefined, ends: undefined, globs: undefined });

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
      addTo((node.globs ??= new Map()), entry);
      return;
    }
    node = segment.kind === "literal" ? getOrAdd(node.literals, segment.text, newNode<R>) : (node.star ??= newNode<R>());
  }
  addTo((node.ends ??= new Map()), entry);
}

function addTo<R>(groups: RouteGroups<R>, entry: TableRoute<R>): void {
  const { match } = entry.plan;
  const [headers, query, labels] = [namesIn(match.headers), namesIn(match.query), namesIn(match.labels)];
  const id = JSON.stringify([headers, query, labels, match.methods.length > 0]);
  const { byValues } = getOrAdd(groups, id, () => ({ headers, query, labels, byValues: new Map<string, TableRoute<R>[]>() }));
  const values = [
    ...headers.map((name) => match.headers[name] ?? ""),
    ...query.map((name) => match.query[name] ?? ""),
    ...labels.map((name) => match.labels[name] ?? ""),
  ];
  getOrAdd(byValues, valuesKey(values), () => []).push(entry);
}

const namesIn = (conditions: Readonly<Record<string, string>>): readonly string[] => Object.keys(conditions).toSorted();
