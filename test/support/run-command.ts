import type { CommandIo, ExitCode } from "../../src/cli/io.ts";
import { runProgram, type CommandDefinition } from "../../src/cli/program.ts";

/** What one command line did. */
export interface CommandRun {
  readonly code: ExitCode;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `sallyport <argv>` inside this process, with texts in place of a terminal; with every command there is unless told which. */
export async function runCommand(
  argv: readonly string[],
  changes: { readonly env?: CommandIo["env"]; readonly commands?: readonly CommandDefinition[]; readonly isTty?: boolean } = {},
): Promise<CommandRun> {
  const texts = { stdout: "", stderr: "" };
  const terminal = (name: keyof typeof texts) => ({
    write: (text: string) => {
      texts[name] += text;
    },
    isTty: changes.isTty ?? false,
  });
  const code = await runProgram(
    argv,
    { version: "0.1.0", commands: changes.commands ?? (await import("../../src/cli/commands.ts")).COMMANDS },
    {
      stdout: terminal("stdout"),
      stderr: terminal("stderr"),
      env: changes.env ?? {},
      version: "0.0.0",
      wallMs: () => Date.UTC(2026, 0, 1),
      onHangup: () => () => {},
      stopped: () => new Promise(() => {}),
    },
  );
  return { code, ...texts };
}
