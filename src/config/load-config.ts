import type { ConfigIssue } from "../model/config-issue.ts";
import { err, ok, type Result } from "../model/result.ts";
import { runChecks } from "./checks/run-checks.ts";
import { readFiles, type ReadTextFile } from "./files/read-files.ts";
import { freezeDeep } from "./freeze-deep.ts";
import type { GatewayConfig } from "./gateway-config.ts";
import { configSchema, toGatewayConfig } from "./schema/config.ts";
import { overlayEnvironment } from "./source/environment-overrides.ts";
import { mergeDefaults } from "./source/merge-defaults.ts";
import { ConfigPositions } from "./source/positions.ts";
import { MAX_VALUES, readYaml } from "./source/read-yaml.ts";
import { type Environment, substituteVariables } from "./source/substitute-variables.ts";
import { validateShape } from "./validate/validate-shape.ts";

/** More issues than these help nobody; a last one says how many are left out. */
const MAX_ISSUES = 200;

/** A configuration without issues, and where each of its values was written. */
export interface LoadedConfig {
  readonly config: GatewayConfig;
  readonly positions: ConfigPositions;
}

/**
 * YAML text and environment to the typed configuration, or every issue at once, in the order of the file. Precedence: built-in
 * values, `defaults`, the file, `SALLYPORT_*`. Reads the files that hold secrets through `readFile`, nothing else. Never rejects
 * unless `readFile` does, and shows no secret in an issue.
 */
export async function loadConfig(
  source: { readonly file: string; readonly text: string },
  deps: { readonly env: Environment; readonly readFile: ReadTextFile },
): Promise<Result<LoadedConfig, readonly ConfigIssue[]>> {
  const yaml = readYaml({ ...source, kind: "file" });
  if (yaml.root === undefined) return err(yaml.issues);
  const substituted = substituteVariables(yaml.root, deps.env);
  const overlaid = overlayEnvironment(substituted.root, deps.env);
  const root = mergeDefaults(overlaid.root);
  const sourceIssues = [...yaml.issues, ...substituted.issues, ...overlaid.issues];
  const positions = new ConfigPositions(root);
  if (root.weight > MAX_VALUES)
    return err([...sourceIssues, positions.issueAt("", `more than ${MAX_VALUES} values with defaults merged in`)]);
  const shape = validateShape(configSchema, root);
  const { files, issues: fileIssues } = await readFiles(source.file, root, deps.readFile);
  const shapeIssues = shape.kind === "misfits" ? shape.issues : [];
  const issues = [...sourceIssues, ...notAt(sourceIssues, [...shapeIssues, ...runChecks(root), ...fileIssues])];
  if (shape.kind === "misfits" || issues.length > 0) return err(arrange(issues, source.file));
  return ok({ config: freezeDeep(toGatewayConfig(shape.value, files)), positions });
}

/** What is wrong with a value that could not even be read follows from that. */
function notAt(earlier: readonly ConfigIssue[], issues: readonly ConfigIssue[]): readonly ConfigIssue[] {
  const places = new Set(earlier.map(placeOf));
  return issues.filter((issue) => !places.has(placeOf(issue)));
}

const placeOf = ({ file, line, column, pointer }: ConfigIssue): string => JSON.stringify([file, line, column, pointer]);

/** One issue per place and message (defaults are checked under every item), the file's own first, from top to bottom. */
function arrange(issues: readonly ConfigIssue[], file: string): readonly ConfigIssue[] {
  const distinct = new Map(issues.map((issue) => [JSON.stringify([issue.file, issue.line, issue.column, issue.message]), issue]));
  const sorted = [...distinct.values()].toSorted(
    (a, b) =>
      Number(a.file !== file) - Number(b.file !== file) || compareText(a.file, b.file) || a.line - b.line || a.column - b.column,
  );
  const last = sorted[MAX_ISSUES];
  if (last === undefined) return sorted;
  return [...sorted.slice(0, MAX_ISSUES), { ...last, pointer: "", message: `and ${sorted.length - MAX_ISSUES} more issues` }];
}

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
