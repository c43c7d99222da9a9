import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type Alias,
  type ParsedNode,
  type Scalar as YamlScalar,
  type YAMLMap,
  type YAMLSeq,
} from "yaml";
import type { ConfigIssue } from "../../model/config-issue.ts";
import {
  type ConfigNode,
  type MapEntry,
  type MapNode,
  mapWeight,
  type Scalar,
  type SourceText,
  weightOf,
} from "./config-node.ts";
import { issueAt } from "./issue-at.ts";
import { pointerTo } from "./pointer.ts";
import { readYamlTree, type YamlText } from "./yaml-syntax.ts";

/** Longer files are refused before they are read as YAML. */
export const MAX_FILE_BYTES = 10 * 1024 * 1024;
/** Values in one file, aliases unfolded: what stops an alias bomb. Enough for 100,000 routes with what defaults give them. */
export const MAX_VALUES = 1_500_000;

/** A file as a tree; without one the issues say why. A tree may come with issues: it is what could be read. */
export interface ReadYaml {
  readonly root: ConfigNode | undefined;
  readonly source: SourceText;
  readonly issues: readonly ConfigIssue[];
}

/** Reads one YAML document: aliases and merge keys unfolded within bounds, duplicate keys and unusable values reported. */
export function readYaml(yaml: YamlText): ReadYaml {
  const { file, text, kind } = yaml;
  if (new TextEncoder().encode(text).length > MAX_FILE_BYTES) {
    const source: SourceText = { file, kind, locate: () => ({ line: 1, column: 1 }) };
    return { root: undefined, source, issues: [{ file, line: 1, column: 1, pointer: "", message: "file larger than 10 MiB" }] };
  }
  const { source, tree } = readYamlTree(yaml);
  if (!tree.ok) {
    const { offset, ...finding } = tree.error;
    return { root: undefined, source, issues: [{ file, ...source.locate(offset), pointer: "", ...finding }] };
  }
  const reader = new TreeReader(source, text);
  const root = tree.value.contents === null ? reader.emptyMap() : reader.read(tree.value.contents, "");
  if (root.weight > MAX_VALUES)
    return { root: undefined, source, issues: [...reader.issues, issueAt(root, `more than ${MAX_VALUES} values`)] };
  return { root, source, issues: reader.issues };
}

/** One walk over one YAML tree; lives as long as `readYaml` runs. */
class TreeReader {
  readonly issues: ConfigIssue[] = [];
  readonly #source: SourceText;
  readonly #text: string;
  readonly #anchors = new Map<string, ConfigNode>();
  #values = 0;

  constructor(source: SourceText, text: string) {
    this.#source = source;
    this.#text = text;
  }

  emptyMap(): MapNode {
    return { kind: "map", source: this.#source, offset: 0, home: "", weight: 1, entries: new Map() };
  }

  read(node: ParsedNode, home: string): ConfigNode {
    if (isAlias(node)) return this.#readAlias(node, home);
    this.#values += 1;
    const read = isMap(node)
      ? this.#readMap(node, home)
      : isSeq(node)
        ? this.#readList(node, home)
        : this.#readScalar(node, home);
    if (node.anchor !== undefined) this.#anchors.set(node.anchor, read);
    if (node.tag !== undefined && !KNOWN_TAGS.has(node.tag)) this.#report(read.offset, home, "tags are not used here");
    return read;
  }

  #readAlias(node: Alias.Parsed, home: string): ConfigNode {
    const anchored = this.#anchors.get(node.source);
    if (anchored === undefined) {
      // also met inside the anchored value itself: a value cannot contain itself
      this.#report(node.range[0], home, "unknown alias: an anchor of this name must stand above it");
      return this.#scalar(node.range[0], home, { value: null, written: "" });
    }
    this.#values += anchored.weight;
    if (this.#values <= MAX_VALUES) return anchored;
    if (this.#values - anchored.weight <= MAX_VALUES)
      this.#report(node.range[0], home, `aliases unfold to more than ${MAX_VALUES} values`);
    return this.#scalar(node.range[0], home, { value: null, written: "" });
  }

  #readList(node: YAMLSeq.Parsed, home: string): ConfigNode {
    const items = node.items.map((item, index) => this.#readValue(item, pointerTo(home, index), node.range[0]));
    return { kind: "list", source: this.#source, offset: node.range[0], home, items, weight: weightOf(items) };
  }

  #readMap(node: YAMLMap.Parsed, home: string): ConfigNode {
    const entries = new Map<string, MapEntry>();
    const merged: ConfigNode[] = [];
    for (const { key, value } of node.items) {
      const offset = key.range[0];
      if (isScalar(key) && key.type === "PLAIN" && key.source === "<<") {
        merged.push(this.#readValue(value, home, key.range[1]));
        continue;
      }
      const name = this.#readKey(key, home);
      if (name === undefined) continue;
      const member = this.#readValue(value, pointerTo(home, name), key.range[1]);
      if (entries.has(name)) this.#report(offset, pointerTo(home, name), "this key stands here twice");
      else entries.set(name, { keyPlace: { source: this.#source, offset }, node: member });
    }
    this.#mergeInto(entries, merged, home);
    return {
      kind: "map",
      source: this.#source,
      offset: node.range[0],
      home,
      entries,
      weight: mapWeight(entries),
    };
  }

  /** The map's own keys win over merged ones, earlier merged maps over later ones. */
  #mergeInto(entries: Map<string, MapEntry>, merged: readonly ConfigNode[], home: string): void {
    const maps = merged.flatMap((node) => (node.kind === "list" ? node.items : [node]));
    for (const map of maps) {
      if (map.kind !== "map") {
        this.#report(map.offset, home, "a merge key (<<) takes a mapping or a list of mappings");
        continue;
      }
      for (const [name, entry] of map.entries) if (!entries.has(name)) entries.set(name, entry);
    }
  }

  #readKey(key: ParsedNode, home: string): string | undefined {
    if (!isScalar(key) || (typeof key.value !== "string" && typeof key.value !== "number" && typeof key.value !== "boolean")) {
      this.#report(key.range[0], home, "expected a text as key");
      return undefined;
    }
    const name = typeof key.value === "string" ? key.value : key.source;
    if (name !== "__proto__") return name;
    this.#report(key.range[0], home, "__proto__ cannot be a key");
    return undefined;
  }

  #readValue(value: ParsedNode | null, home: string, offset: number): ConfigNode {
    if (value !== null) return this.read(value, home);
    return this.#scalar(offset, home, { value: null, written: "" });
  }

  #readScalar(node: YamlScalar.Parsed, home: string): ConfigNode {
    const [start, end] = node.range;
    const { value } = node;
    if (value === null || typeof value === "string" || typeof value === "boolean") {
      return this.#scalar(start, home, { value, written: this.#text.slice(start, end) });
    }
    if (typeof value === "number" && Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value))) {
      return this.#scalar(start, home, { value, written: this.#text.slice(start, end) });
    }
    this.#report(start, home, "this number cannot be kept exactly: write it in quotes");
    return this.#scalar(start, home, { value: null, written: "" });
  }

  #scalar(offset: number, home: string, read: { readonly value: Scalar; readonly written: string }): ConfigNode {
    return { kind: "scalar", source: this.#source, offset, home, weight: 1, fromEnvironment: false, ...read };
  }

  #report(offset: number, pointer: string, message: string): void {
    this.issues.push({ file: this.#source.file, ...this.#source.locate(offset), pointer, message });
  }
}

const KNOWN_TAGS = new Set(["str", "int", "float", "bool", "null", "map", "seq"].map((name) => `tag:yaml.org,2002:${name}`));
