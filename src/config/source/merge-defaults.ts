import { childOf, type ConfigNode, type MapEntry, type MapNode, mapWeight, weightOf, withEntry } from "./config-node.ts";

/**
 * Puts `defaults.route`, `defaults.upstream` and `defaults.interceptor` under every route, upstream and interceptor: maps merge
 * by key, lists and single values of the item replace, and `null` takes a default back, as if neither had been written. A merged
 * value keeps the place where it was written.
 */
export function mergeDefaults(root: ConfigNode): ConfigNode {
  const defaults = childOf(root, "defaults");
  if (root.kind !== "map" || defaults?.kind !== "map") return root;
  let merged = root;
  for (const [section, kind] of SECTIONS) {
    const fallback = childOf(defaults, kind);
    const entry = merged.entries.get(section);
    if (fallback?.kind !== "map" || entry === undefined) continue;
    merged = withEntry(merged, section, { ...entry, node: mergeIntoItems(entry.node, fallback) });
  }
  return merged;
}

const SECTIONS = [
  ["routes", "route"],
  ["upstreams", "upstream"],
  ["interceptors", "interceptor"],
] as const;

function mergeIntoItems(section: ConfigNode, fallback: MapNode): ConfigNode {
  switch (section.kind) {
    case "scalar":
      return section;
    case "list": {
      const items = section.items.map((item) => merge(item, fallback));
      return { ...section, items, weight: weightOf(items) };
    }
    case "map": {
      const merged = [...section.entries].map(([key, entry]) => [key, { ...entry, node: merge(entry.node, fallback) }] as const);
      const entries = new Map(merged);
      return { ...section, entries, weight: mapWeight(entries) };
    }
    default:
      return section satisfies never;
  }
}

function merge(item: ConfigNode, fallback: MapNode): ConfigNode {
  if (item.kind !== "map") return item;
  const entries = new Map<string, MapEntry>(item.entries);
  for (const [key, entry] of fallback.entries) {
    const own = entries.get(key);
    if (own === undefined) entries.set(key, entry);
    else if (isNull(own.node)) entries.delete(key);
    else if (entry.node.kind === "map") entries.set(key, { ...own, node: merge(own.node, entry.node) });
  }
  return { ...item, entries, weight: mapWeight(entries) };
}

const isNull = (node: ConfigNode): boolean => node.kind === "scalar" && node.value === null;
