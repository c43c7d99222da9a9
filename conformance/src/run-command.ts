import { readFile } from "node:fs/promises";
import { ALL_CASES } from "./all-cases.ts";
import { HELP, readCommand } from "./command-line.ts";
import { caseLines, jsonReport, summaryLine } from "./report.ts";
import { runSuite } from "./run-suite.ts";
import type { SuiteOptions } from "./suite-options.ts";

/** Where a command writes. */
export interface CommandIo {
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  readonly isColoured: boolean;
}

/** Runs the command of these arguments; resolves to its exit code: 0 conforms, 1 does not, 2 used wrongly. */
export async function runCommand(argv: readonly string[], io: CommandIo): Promise<number> {
  const command = await readCommand(argv, (path) => readFile(path, "utf8"));
  if (!command.ok) {
    io.stderr(`${command.error}\nsallyport-interceptor-conformance --help tells how it is used\n`);
    return 2;
  }
  switch (command.value.kind) {
    case "help":
      io.stdout(HELP);
      return 0;
    case "list":
      for (const { name, rule, requires } of ALL_CASES) io.stdout(`${name.padEnd(40)} ${rule.padEnd(6)} ${requires}\n`);
      return 0;
    case "run":
      return run(command.value.options, command.value.isJson, io);
    default:
      return command.value satisfies never;
  }
}

async function run(options: SuiteOptions, isJson: boolean, io: CommandIo): Promise<number> {
  try {
    const report = await runSuite(options, (each) => {
      if (!isJson) io.stdout(`${caseLines(each, io)}\n`);
    });
    io.stdout(isJson ? jsonReport(report) : `\n${summaryLine(report)}\n`);
    return report.conforms ? 0 : 1;
  } catch (error) {
    // certificates or keys that are none
    io.stderr(`the run cannot begin: ${error instanceof Error ? error.message : "unknown error"}\n`);
    return 2;
  }
}
