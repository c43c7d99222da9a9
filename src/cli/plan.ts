import { Command, Option } from "commander";
import { formatIssue } from "../model/config-issue.ts";
import { toPlanJson } from "../model/plan-json.ts";
import type { ExecutionPlan } from "../model/plan.ts";
import { manifestSource, type ManifestFlags } from "./compile-options.ts";
import type { CommandIo } from "./io.ts";
import { output } from "./output.ts";
import { diffLines, planLines } from "./plan-lines.ts";

interface PlanOptions extends ManifestFlags {
  readonly json?: true;
  readonly diff?: string;
}

/** `sallyport plan`: the compiled plan in execution order. */
export function planCommand(io: CommandIo): Command {
  return new Command("plan")
    .description("Show what a configuration compiles to, in execution order.")
    .argument("<file>", "the configuration")
    .addOption(new Option("--describe", "ask the interceptors what they want").conflicts("manifests"))
    .option("--manifests <dir>", "take manifests from <dir>/<interceptor>.json")
    .option("--diff <other>", "show only what differs from another configuration")
    .option("--json", "answer as JSON")
    .addHelpText("after", "\nExamples:\n  sallyport plan gateway.yaml --describe\n  sallyport plan new.yaml --diff gateway.yaml")
    .action((file: string, options: PlanOptions) => plan(file, options, io));
}

async function plan(file: string, options: PlanOptions, io: CommandIo): Promise<void> {
  const says = output(io, options);
  const { compileFile } = await import("../app/compile-file.ts");
  const compileOne = async (path: string): Promise<ExecutionPlan | undefined> => {
    const compiled = await compileFile(path, manifestSource(options, io.version), io.env);
    if (compiled.ok) return compiled.value;
    says.fail(compiled.error.map(formatIssue));
    return undefined;
  };
  const compiled = await compileOne(file);
  if (compiled === undefined) return;
  for (const warning of compiled.warnings) if (options.json !== true) says.warn(warning);
  if (options.diff === undefined) return says.answer(() => planLines(compiled), toPlainPlan(compiled));
  const other = await compileOne(options.diff);
  if (other === undefined) return;
  const changes = diffLines(planLines(other), planLines(compiled));
  says.answer(() => (changes.length === 0 ? ["no difference"] : changes), {
    from: toPlainPlan(other),
    to: toPlainPlan(compiled),
  });
}

// without the parts that may hold secrets
const toPlainPlan = (plan: ExecutionPlan): unknown => JSON.parse(toPlanJson(plan));
