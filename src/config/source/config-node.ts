/** A text that values come from: a YAML file, or one environment variable. */
export interface SourceText {
  /** As shown in issues. */
  readonly file: string;
  /** Of a secret file nothing is ever quoted: the wrong file may have been named. */
  readonly kind: "file" | "secret-file" | "environment";
  /** 1-based line and column of a character offset. */
  locate(offset: number): { readonly line: number; readonly column: number };
}

/** Where a value or a key stands. */
export interface Place {
  readonly source: SourceText;
  readonly offset: number;
}

export type Scalar = string | number | boolean | null;

interface NodePlace extends Place {
  /** Pointer inside its source. Differs from the pointer it is used at when it was merged in from `defaults` or an anchor. */
  readonly home: string;
  /** How many nodes it unfolds to, itself included, a map as five at least: what bounds aliases, and what telling of a wrong file costs. */
  readonly weight: number;
}

/** A parsed value that knows where it was written. Immutable; shared where aliases or defaults use it twice. */
export type ConfigNode = ScalarNode | ListNode | MapNode;

export interface ScalarNode extends NodePlace {
  readonly kind: "scalar";
  readonly value: Scalar;
  /** Text as written, between `offset` and the end of the scalar; needed to find a place inside it. */
  readonly written: string;
  /** Whether the environment gave any of it: then it is typed by what the schema wants, and never quoted in an issue. */
  readonly fromEnvironment: boolean;
}

export interface ListNode extends NodePlace {
  readonly kind: "list";
  readonly items: readonly ConfigNode[];
}

export interface MapNode extends NodePlace {
  readonly kind: "map";
  readonly entries: ReadonlyMap<string, MapEntry>;
}

export interface MapEntry {
  readonly keyPlace: Place;
  readonly node: ConfigNode;
}

/** The member under one pointer token. */
export function childOf(node: ConfigNode, token: string): ConfigNode | undefined {
  switch (node.kind) {
    case "scalar":
      return undefined;
    case "list":
      return /^(0|[1-9]\d*)$/.test(token) ? node.items[Number(token)] : undefined;
    case "map":
      return node.entries.get(token)?.node;
    default:
      return node satisfies never;
  }
}

/** The same map with one entry set. */
export function withEntry(map: MapNode, key: string, entry: MapEntry): MapNode {
  const entries = new Map(map.entries).set(key, entry);
  return { ...map, entries, weight: mapWeight(entries) };
}

/** 1 and the weight of every member. */
export function weightOf(members: Iterable<ConfigNode>): number {
  let weight = 1;
  for (const member of members) weight += member.weight;
  return weight;
}

/** The same of a map. One that lacks its keys has something to be told for each, so it counts as if it had some. */
export const mapWeight = (entries: ReadonlyMap<string, MapEntry>): number =>
  Math.max(MIN_MAP_WEIGHT, weightOf(entries.values().map(({ node }) => node)));

const MIN_MAP_WEIGHT = 5;

/** The value without places, as JSON. Keys are own properties; `__proto__` never occurs (the YAML reader refuses it). */
export function toPlainValue(node: ConfigNode): PlainValue {
  switch (node.kind) {
    case "scalar":
      return node.value;
    case "list":
      return node.items.map(toPlainValue);
    case "map":
      return Object.fromEntries(node.entries.entries().map(([key, entry]) => [key, toPlainValue(entry.node)]));
    default:
      return node satisfies never;
  }
}

export type PlainValue = Scalar | PlainValue[] | { [key: string]: PlainValue };
