import picocolors from "picocolors";
import type { CommandIo, Terminal } from "./io.ts";

type Colors = ReturnType<typeof picocolors.createColors>;

/** What a command says: data on standard output, as text or as JSON, everything else on standard error. */
export interface Output {
  /** The command's answer: `text` lines for people, or `value` as one JSON document with `--json`. */
  answer(text: (colors: Colors) => readonly string[], value: unknown): void;
  /** Progress and advice; nothing with `--json`. */
  note(line: string): void;
  /** Something that does not stop the command. */
  warn(line: string): void;
  /** Why the command failed: one line each, and exit code 1. */
  fail(lines: readonly string[]): void;
}

/** Colours only where a person looks and did not ask for none (`NO_COLOR`). */
export function output(io: CommandIo, { json = false }: { readonly json?: boolean | undefined } = {}): Output {
  const [onStdout, onStderr] = [colorsOf(io.stdout, io.env), colorsOf(io.stderr, io.env)];
  return {
    answer: (text, value) => io.stdout.write(json ? `${JSON.stringify(value, undefined, 2)}\n` : lines(text(onStdout))),
    note(line) {
      if (!json) io.stderr.write(lines([line]));
    },
    warn: (line) => io.stderr.write(lines([`${onStderr.yellow("warning:")} ${line}`])),
    fail(reasons) {
      io.stderr.write(lines(reasons.map((reason) => `${onStderr.red("error:")} ${reason}`)));
      io.exit(1);
    },
  };
}

const colorsOf = ({ isTty }: Terminal, env: CommandIo["env"]): Colors =>
  picocolors.createColors(isTty && (env["NO_COLOR"] ?? "") === "" && env["TERM"] !== "dumb");

const lines = (texts: readonly string[]): string => texts.map((text) => `${text}\n`).join("");
