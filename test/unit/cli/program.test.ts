import { Command } from "commander";
import { describe, expect, it } from "vitest";
import { certsCommand } from "../../../src/cli/certs.ts";
import { healthcheckCommand } from "../../../src/cli/healthcheck.ts";
import { reloadCommand } from "../../../src/cli/reload.ts";
import { runProgram } from "../../../src/cli/program.ts";
import { runCommand } from "../../support/run-command.ts";

const commands = [certsCommand, reloadCommand, healthcheckCommand];

describe("the command line", () => {
  it.each([["--help"], ["help"], ["certs", "--help"], ["--version"]])(
    "answers %s %s on standard output and is done",
    async (...argv) => {
      const { code, stdout, stderr } = await runCommand(argv, { commands });
      expect([code, stderr]).toEqual([0, ""]);
      expect(stdout).not.toBe("");
    },
  );

  it.each([
    [[], "Usage: sallyport"],
    [["relod"], "Did you mean reload?"],
    [["certs", "--nope"], "unknown option '--nope'"],
    [["certs", "--client", "--server"], "cannot be used with"],
    [["healthcheck", "a", "b"], "too many arguments"],
  ])("calls %j a wrong use: exit code 2, on standard error", async (argv, said) => {
    const { code, stdout, stderr } = await runCommand(argv, { commands });
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toContain(said);
  });

  it("shows every command with at most 25 lines of help, examples among them", async () => {
    const { COMMANDS } = await import("../../../src/cli/commands.ts");
    const { stdout } = await runCommand(["help"]);
    const names = [...stdout.matchAll(/^ {2}([a-z]+)\b.* {2}/gm)].map(([, name]) => name ?? "").filter((name) => name !== "help");
    expect(names).toHaveLength(COMMANDS.length);
    for (const name of names) {
      const help = await runCommand([name, "--help"]);
      expect(help.stdout.trimEnd().split("\n").length).toBeLessThanOrEqual(25);
      expect(help.stdout).toContain("Examples:");
    }
  });

  it("turns a bug inside a command into exit code 1 with its stack", async () => {
    let stderr = "";
    const broken = () =>
      new Command("broken").action(() => {
        throw new Error("boom");
      });
    const silent = { write: () => {}, isTty: false };
    const io = {
      stdout: silent,
      stderr: { write: (text: string) => void (stderr += text), isTty: false },
      env: {},
      version: "0.0.0",
      wallMs: () => 0,
      onHangup: () => () => {},
      stopped: () => new Promise<never>(() => {}),
    };
    expect(await runProgram(["broken"], { version: "0", commands: [broken] }, io)).toBe(1);
    expect(stderr).toMatch(/^error: Error: boom\n\s+at /);
  });
});
