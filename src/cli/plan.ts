import { Command, Option } from "commander";
import { formatIssue } from "../model/config-issue.ts";
import type { Manifest } from "../model/manifest.ts";
import { toPlainPlan } from "../model/plan-json.ts";
import type { ExecutionPlan } from "../model/plan.ts";
import { diffPlans } from "../plan/diff-plans.ts";
import { manifestSource, type ManifestFlags } from "./compile-options.ts";
import type { CommandIo } from "./io.ts";
import { manifestLines, plainManifests } from "./manifest-lines.ts";
import { output } from "./output.ts";
import { planLines } from "./plan-lines.ts";

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
  const compileOne = async (path: string): Promise<PlannedFile | undefined> => {
    const { plan: compiled, manifests } = await compileFile(path, manifestSource(options, io.version), io.env);
    if (compiled.ok) return { plan: compiled.value, manifests };
    says.fail(compiled.error.map(formatIssue));
    return undefined;
  };
  const compiled = await compileOne(file);
  if (compiled === undefined) return;
  for (const warning of compiled.plan.warnings) if (options.json !== true) says.warn(warning);
  if (options.diff === undefined) {
    const manifests = manifestLines(compiled.manifests);
    return says.answer(
      () => [...planLines(compiled.plan), ...(manifests.length === 0 ? [] : ["", ...manifests])],
      compiled.manifests.size === 0
        ? toPlainPlan(compiled.plan)
        : { ...toPlainPlan(compiled.plan), manifests: plainManifests(compiled.manifests) },
    );
  }
  const other = await compileOne(options.diff);
  if (other === undefined) return;
  const changes = diffPlans(other.plan, compiled.plan);
  says.answer(() => (changes.length === 0 ? ["no difference"] : changes), {
    from: other.plan.revision,
    to: compiled.plan.revision,
    changes,
  });
}

interface PlannedFile {
  readonly plan: ExecutionPlan;
  readonly manifests: ReadonlyMap<string, Manifest>;
}
