import { Command, CommanderError } from "commander";
import type { CommandIo, ExitCode } from "./io.ts";

/** A command of `sallyport`, in a file of its own; called once per run of the program. */
export type CommandDefinition = (io: CommandIo) => Command;

/** What the program is made of. */
export interface ProgramParts {
  readonly version: string;
  /** In the order of the help page. */
  readonly commands: readonly CommandDefinition[];
}

/** Runs one command line, `argv` without the program's own name. Never rejects, and ends no process: 0 done, 1 failed, 2 called wrongly. */
export async function runProgram(
  argv: readonly string[],
  parts: ProgramParts,
  outside: Omit<CommandIo, "exit">,
): Promise<ExitCode> {
  let code: ExitCode = 0;
  const io: CommandIo = {
    ...outside,
    exit: (ended) => {
      code = ended;
    },
  };
  try {
    await program(parts, io).parseAsync(argv, { from: "user" });
    return code;
  } catch (error) {
    // commander throws where it would have ended the process: help and version, or a wrong command line
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    io.stderr.write(`error: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    return 1;
  }
}

function program({ version, commands }: ProgramParts, io: CommandIo): Command {
  const root = new Command("sallyport")
    .description("An API gateway whose requests are reviewed by external interceptors.")
    .version(version)
    .exitOverride()
    .showHelpAfterError("(see --help)")
    .configureOutput({
      writeOut: io.stdout.write,
      writeErr: io.stderr.write,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    });
  // settings do not reach a command that was made elsewhere unless they are copied
  for (const define of commands) root.addCommand(define(io).copyInheritedSettings(root));
  return root;
}
