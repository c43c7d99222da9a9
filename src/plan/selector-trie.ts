import { parsePathPattern } from "../config/path-pattern.ts";
import type { PathPattern } from "../model/path-pattern.ts";
import type { Selector } from "../model/plan.ts";
import { headTest, type HeadTest } from "./selector-match.ts";

/** One selector at one place of the trie. */
export interface Entry {
  /** Its place in the list the trie was built of. */
  readonly rank: number;
  /** What the place does not say of the head already; undefined: it says all. */
  readonly rest: HeadTest | undefined;
}

/** Selectors that meet in one host and path pattern. */
export interface Spot {
  /** For every method. */
  readonly always: Entry[];
  readonly byMethod: Map<string, Entry[]>;
}

/** Where a walk stands after some segments of a path. */
export interface SelectorNode {
  readonly literals: Map<string, SelectorNode>;
  star: SelectorNode | undefined;
  /** Selectors of which a pattern ends here. */
  ends: Spot | undefined;
  /** Selectors of which a pattern ends in `**` here. */
  globs: Spot | undefined;
}

/** Tries by host: exact, suffix from its dot on, any. */
export interface SelectorTries {
  readonly exact: ReadonlyMap<string, SelectorNode>;
  readonly suffixes: ReadonlyMap<string, SelectorNode>;
  readonly any: SelectorNode;
}

/**
 * Puts each selector where only heads come by that it may match: under one of its lists of hosts, of paths and of methods, the
 * operator's or the manifest's, whichever fewer others have. What that leaves open is tested there. Throws on a pattern that is none.
 */
export function buildSelectorTries(selectors: readonly Selector[]): SelectorTries {
  const tries = { exact: new Map<string, SelectorNode>(), suffixes: new Map<string, SelectorNode>(), any: newNode() };
  const shares = sharesOf(selectors);
  const patterns = new Map<string, PathPattern>();
  for (const [rank, selector] of selectors.entries()) {
    const gate = gateOf(selector, shares);
    const entry = { rank, rest: gate.isWhole ? undefined : headTest(selector) };
    for (const root of rootsOf(tries, gate.hosts))
      for (const spot of spotsOf(root, gate.paths, patterns)) for (const list of listsOf(spot, gate.methods)) list.push(entry);
  }
  return tries;
}

const KINDS = ["hosts", "paths", "methods"] as const;

/** Most places of one selector, unless one list alone is longer. */
const MAX_PLACES = 256;

/** The lists a selector is placed by; undefined: any. */
interface Gate {
  readonly hosts: readonly string[] | undefined;
  readonly paths: readonly string[] | undefined;
  readonly methods: readonly string[] | undefined;
  /** They say all the selector says of a head. */
  readonly isWhole: boolean;
}

function gateOf(selector: Selector, shares: ReadonlyMap<string, number>): Gate {
  const rarest = (kind: (typeof KINDS)[number]): readonly string[] | undefined =>
    listsOfKind(selector, kind).toSorted((a, b) => commonness(kind, a, shares) - commonness(kind, b, shares))[0];
  const [hosts, paths, methods] = [rarest("hosts"), rarest("paths"), rarest("methods")];
  const isWhole = KINDS.every((kind) => listsOfKind(selector, kind).length <= 1);
  if (places(hosts) * places(paths) * places(methods) <= MAX_PLACES) return { hosts, paths, methods, isWhole };
  if (hosts === undefined || paths === undefined) return { hosts, paths, methods: undefined, isWhole: false };
  if (places(hosts) * places(paths) <= MAX_PLACES) return { hosts, paths, methods: undefined, isWhole: false };
  return commonness("hosts", hosts, shares) < commonness("paths", paths, shares)
    ? { hosts, paths: undefined, methods: undefined, isWhole: false }
    : { hosts: undefined, paths, methods: undefined, isWhole: false };
}

const places = (list: readonly string[] | undefined): number => list?.length ?? 1;

/** What both sides say; an empty list of methods says nothing. */
function listsOfKind(selector: Selector, kind: (typeof KINDS)[number]): readonly (readonly string[])[] {
  const lists = [selector[kind], selector.manifest[kind]].filter((list) => list !== undefined);
  return kind === "methods" ? lists.filter((list) => list.length > 0) : lists;
}

/** How many selectors have an entry, by kind and text. */
function sharesOf(selectors: readonly Selector[]): ReadonlyMap<string, number> {
  const shares = new Map<string, number>();
  for (const selector of selectors)
    for (const kind of KINDS)
      for (const text of listsOfKind(selector, kind).flat())
        shares.set(`${kind} ${text}`, (shares.get(`${kind} ${text}`) ?? 0) + 1);
  return shares;
}

const commonness = (kind: string, list: readonly string[], shares: ReadonlyMap<string, number>): number =>
  list.reduce((most, text) => Math.max(most, shares.get(`${kind} ${text}`) ?? 0), 0);

const newNode = (): SelectorNode => ({ literals: new Map(), star: undefined, ends: undefined, globs: undefined });

const newSpot = (): Spot => ({ always: [], byMethod: new Map() });

function rootsOf(
  tries: { readonly exact: Map<string, SelectorNode>; readonly suffixes: Map<string, SelectorNode>; readonly any: SelectorNode },
  hosts: readonly string[] | undefined,
): readonly SelectorNode[] {
  if (hosts === undefined) return [tries.any];
  return hosts.map((host) =>
    host.startsWith("*.") ? getOrAdd(tries.suffixes, host.slice(1), newNode) : getOrAdd(tries.exact, host, newNode),
  );
}

function spotsOf(root: SelectorNode, paths: readonly string[] | undefined, patterns: Map<string, PathPattern>): readonly Spot[] {
  if (paths === undefined) return [(root.globs ??= newSpot())];
  return paths.map((source) =>
    spotOf(
      root,
      getOrAdd(patterns, source, () => patternOf(source)),
    ),
  );
}

function spotOf(root: SelectorNode, { segments }: PathPattern): Spot {
  let node = root;
  for (const segment of segments) {
    if (segment.kind === "globstar") return (node.globs ??= newSpot());
    node = segment.kind === "literal" ? getOrAdd(node.literals, segment.text, newNode) : (node.star ??= newNode());
  }
  return (node.ends ??= newSpot());
}

// sources in a plan were parsed once already, when the plan was compiled
function patternOf(source: string): PathPattern {
  const parsed = parsePathPattern(source);
  if (!parsed.ok) throw new Error(`plan holds a path pattern that does not parse: ${source}`);
  return parsed.value;
}

function listsOf(spot: Spot, methods: readonly string[] | undefined): readonly Entry[][] {
  if (methods === undefined) return [spot.always];
  // GET includes HEAD (C26)
  const names = new Set(methods.flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method])));
  return [...names].map((method) => getOrAdd(spot.byMethod, method, () => []));
}

function getOrAdd<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const found = map.get(key);
  if (found !== undefined) return found;
  const made = make();
  map.set(key, made);
  return made;
}
