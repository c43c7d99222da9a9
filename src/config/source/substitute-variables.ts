import type { ConfigIssue } from "../../model/config-issue.ts";
import { type ConfigNode, type ScalarNode, weightOf } from "./config-node.ts";
import { issueAt } from "./issue-at.ts";

/** Environment variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Longest text one scalar may become. */
const MAX_TEXT = 1024 * 1024;

/**
 * Resolves `${NAME}` and `${NAME:-default}` in every text value, after parsing, so that a variable can never change the
 * structure. `$${` stands for `${`. A variable that is unset (or, with a default, empty) and has no default is an issue.
 * The result is text; the schema decides later what it is read as.
 */
export function substituteVariables(
  root: ConfigNode,
  env: Environment,
): { readonly root: ConfigNode; readonly issues: readonly ConfigIssue[] } {
  const issues: ConfigIssue[] = [];
  const done = new Map<ConfigNode, ConfigNode>();
  const visit = (node: ConfigNode): ConfigNode => {
    const known = done.get(node); // what an alias shares is resolved, and reported, once
    if (known !== undefined) return known;
    const resolved = visitMembers(node, visit, (scalar) => substituteScalar(scalar, env, issues));
    done.set(node, resolved);
    return resolved;
  };
  return { root: visit(root), issues };
}

function visitMembers(
  node: ConfigNode,
  visit: (node: ConfigNode) => ConfigNode,
  scalar: (node: ScalarNode) => ConfigNode,
): ConfigNode {
  switch (node.kind) {
    case "scalar":
      return scalar(node);
    case "list": {
      const items = node.items.map(visit);
      return { ...node, items, weight: weightOf(items) };
    }
    case "map": {
      const entries = new Map(
        node.entries.entries().map(([key, entry]) => [key, { ...entry, node: visit(entry.node) }] as const),
      );
      return { ...node, entries };
    }
    default:
      return node satisfies never;
  }
}

function substituteScalar(node: ScalarNode, env: Environment, issues: ConfigIssue[]): ScalarNode {
  if (typeof node.value !== "string" || !node.value.includes("${")) return node;
  let fromEnvironment = false;
  const report = (message: string, hint?: string): string => {
    issues.push(issueAt(node, message, hint));
    return "";
  };
  const value = node.value.replaceAll(VARIABLE, (whole: string, name: string | undefined, fallback: string | undefined) => {
    if (whole === "$${") return "${";
    if (name === undefined)
      return report("expected a variable such as ${NAME} or ${NAME:-default}", "write $${ for the characters ${");
    fromEnvironment = true;
    const set = Object.hasOwn(env, name) ? env[name] : undefined;
    if (fallback !== undefined) return set === undefined || set === "" ? fallback : set;
    return set ?? report(`environment variable ${name} is not set`, `set it, or give a default: \${${name}:-default}`);
  });
  if (value.length > MAX_TEXT) report(`longer than ${MAX_TEXT} characters after its variables were put in`);
  return { ...node, value: value.slice(0, MAX_TEXT), fromEnvironment };
}

/** The escape, a well-formed variable, or the start of an ill-formed one. */
const VARIABLE = /\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}|\$\{/g;
