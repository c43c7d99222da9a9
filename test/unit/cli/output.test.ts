import { describe, expect, it } from "vitest";
import type { CommandIo } from "../../../src/cli/io.ts";
import { output } from "../../../src/cli/output.ts";

/** What a command that says one thing of each kind writes. */
function said(options: { isTty?: boolean; env?: CommandIo["env"]; json?: boolean }): {
  stdout: string;
  stderr: string;
  code: number;
} {
  const all = { stdout: "", stderr: "", code: 0 };
  const terminal = (name: "stdout" | "stderr") => ({
    write: (text: string) => void (all[name] += text),
    isTty: options.isTty ?? false,
  });
  const io: CommandIo = {
    stdout: terminal("stdout"),
    stderr: terminal("stderr"),
    env: options.env ?? {},
    version: "0.0.0",
    wallMs: () => 0,
    onHangup: () => () => {},
    stopped: () => new Promise(() => {}),
    exit: (code) => void (all.code = code),
  };
  const says = output(io, { json: options.json });
  says.note("working");
  says.answer(({ green }) => [green("fine"), "really"], { status: "fine" });
  says.warn("careful");
  says.fail(["one", "two"]);
  return all;
}

describe("what a command says", () => {
  it("is data on standard output and the rest on standard error", () => {
    expect(said({})).toEqual({
      stdout: "fine\nreally\n",
      stderr: "working\nwarning: careful\nerror: one\nerror: two\n",
      code: 1,
    });
  });

  it("is one JSON document with --json, without chatter", () => {
    const { stdout, stderr } = said({ json: true });
    expect(JSON.parse(stdout)).toEqual({ status: "fine" });
    expect(stderr).not.toContain("working");
  });

  it("has colours on a terminal only, and none with NO_COLOR or a dumb terminal", () => {
    const escape = "\u001b[";
    expect(said({ isTty: true }).stdout).toContain(escape);
    for (const plain of [said({}), said({ isTty: true, env: { NO_COLOR: "1" } }), said({ isTty: true, env: { TERM: "dumb" } })])
      expect(plain.stdout + plain.stderr).not.toContain(escape);
    expect(said({ isTty: true, env: { NO_COLOR: "" } }).stdout).toContain(escape);
  });
});
