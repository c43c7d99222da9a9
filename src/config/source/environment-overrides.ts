import type { ConfigIssue } from "../../model/config-issue.ts";
import { type ConfigNode, type MapNode, type SourceText, withEntry } from "./config-node.ts";
import { issueAt } from "./issue-at.ts";
import { pointerTo } from "./pointer.ts";
import type { Environment } from "./substitute-variables.ts";

const PREFIX = "SALLYPORT_";

/** What Kubernetes puts into every pod for a Service named `sallyport` or `sallyport-…`. */
const SERVICE_LINK = /_(SERVICE_(HOST|PORT(_[A-Z0-9_]+)?)|PORT(_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$/;

/**
 * Lays `SALLYPORT_*` variables over the file: `SALLYPORT_ADMIN__ADDRESS` sets `/admin/address`. Names are lower-cased; where the
 * file has a key that differs only in case or has `-` for `_`, that key is meant. Lists are not addressable. Every variable
 * with the prefix counts, so a misspelled one becomes an unknown key. Values are taken as they are, without `${…}`.
 */
export function overlayEnvironment(
  root: ConfigNode,
  env: Environment,
): { readonly root: ConfigNode; readonly issues: readonly ConfigIssue[] } {
  const issues: ConfigIssue[] = [];
  let overlaid = root;
  for (const name of Object.keys(env)
    .filter((each) => each.startsWith(PREFIX))
    .toSorted()) {
    const value = env[name];
    if (value === undefined) continue;
    const variable: Variable = { name, value, source: sourceOf(name), issues };
    if (SERVICE_LINK.test(name)) {
      issues.push(
        issueAt(
          scalarOf(variable, ""),
          "not a setting",
          "Kubernetes sets it for a Service of this name: enableServiceLinks: false",
        ),
      );
      continue;
    }
    overlaid = setBelow(overlaid, name.slice(PREFIX.length).split("__"), variable);
  }
  return { root: overlaid, issues };
}

interface Variable {
  readonly name: string;
  readonly value: string;
  readonly source: SourceText;
  readonly issues: ConfigIssue[];
}

function setBelow(node: ConfigNode, segments: readonly string[], variable: Variable): ConfigNode {
  const [segment, ...rest] = segments;
  if (segment === undefined) return scalarOf(variable, node.home);
  if (segment === "" || segment.toLowerCase() === "__proto__")
    return refuse(node, variable, "expected names separated by two underscores");
  if (node.kind === "list") return refuse(node, variable, "lists cannot be set by a variable");
  if (node.kind === "scalar" && node.value !== null) return refuse(node, variable, "a single value has no keys");
  const map = node.kind === "map" ? node : emptyMap(variable, node.home);
  const key = keyMeant(map, segment);
  const home = pointerTo(map.home, key);
  const below = map.entries.get(key)?.node ?? emptyMap(variable, home);
  const set = setBelow(rest.length === 0 ? emptyMap(variable, home) : below, rest, variable);
  return withEntry(map, key, { keyPlace: { source: variable.source, offset: 0 }, node: set });
}

function refuse(node: ConfigNode, variable: Variable, message: string): ConfigNode {
  variable.issues.push(issueAt(scalarOf(variable, node.home), message));
  return node;
}

function keyMeant(map: MapNode, segment: string): string {
  const written = segment.toLowerCase();
  for (const key of map.entries.keys()) if (key.toLowerCase().replaceAll("-", "_") === written) return key;
  return written;
}

function scalarOf({ value, source }: Variable, home: string): ConfigNode {
  return { kind: "scalar", source, offset: 0, home, weight: 1, value, written: "", fromEnvironment: true };
}

const emptyMap = ({ source }: Variable, home: string): MapNode => ({
  kind: "map",
  source,
  offset: 0,
  home,
  weight: 1,
  entries: new Map(),
});

const sourceOf = (name: string): SourceText => ({ file: name, kind: "environment", locate: () => ({ line: 1, column: 1 }) });
