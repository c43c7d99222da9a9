import { Command, Option } from "commander";
import { formatIssue, type ConfigIssue } from "../model/config-issue.ts";
import { manifestSource, type ManifestFlags } from "./compile-options.ts";
import type { CommandIo } from "./io.ts";
import { manifestLines, plainManifests } from "./manifest-lines.ts";
import { output } from "./output.ts";

interface CheckOptions extends ManifestFlags {
  readonly json?: true;
}

/** `sallyport check`: every problem of a configuration, each with its place; exit code 1 when there is one. */
export function checkCommand(io: CommandIo): Command {
  return new Command("check")
    .description("Find every problem of a configuration, offline unless told otherwise.")
    .argument("<file>", "the configuration")
    .addOption(new Option("--describe", "ask the interceptors what they want").conflicts("manifests"))
    .option("--manifests <dir>", "take manifests from <dir>/<interceptor>.json")
    .option("--json", "answer as JSON")
    .addHelpText("after", "\nExamples:\n  sallyport check gateway.yaml\n  sallyport check gateway.yaml --describe --json")
    .action((file: string, options: CheckOptions) => check(file, options, io));
}

async function check(file: string, options: CheckOptions, io: CommandIo): Promise<void> {
  const says = output(io, options);
  const { compileFile } = await import("../app/compile-file.ts");
  const { plan, manifests } = await compileFile(file, manifestSource(options, io.version), io.env);
  const issues: readonly ConfigIssue[] = plan.ok ? [] : plan.error;
  const warnings = plan.ok ? plan.value.warnings : [];
  for (const warning of warnings) if (options.json !== true) says.warn(warning);
  says.answer(
    ({ red, green }) => [
      ...manifestLines(manifests),
      ...issues.map(formatIssue),
      issues.length === 0
        ? green(`${file}: no problems`)
        : red(`${file}: ${issues.length} ${issues.length === 1 ? "problem" : "problems"}`),
    ],
    {
      file,
      issues,
      warnings,
      ...(manifests.size === 0 ? {} : { manifests: plainManifests(manifests) }),
    },
  );
  if (issues.length > 0) io.exit(1);
}
