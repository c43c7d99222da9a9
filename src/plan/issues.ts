import type { ConfigIssue } from "../model/config-issue.ts";

/** Where a pointer of the configuration stands in the file. */
export type Locate = (pointer: string) => { readonly file: string; readonly line: number; readonly column: number };

/** Collects what is wrong with a plan, each at its place. */
export class Issues {
  readonly #locate: Locate;
  readonly found: ConfigIssue[] = [];
  readonly warnings: string[] = [];

  constructor(locate: Locate) {
    this.#locate = locate;
  }

  add(pointer: string, message: string, hint?: string): void {
    this.found.push({ ...this.#locate(pointer), pointer, message, ...(hint === undefined ? {} : { hint }) });
  }

  /** Everything found, from top to bottom of the file. */
  inFileOrder(): readonly ConfigIssue[] {
    return this.found.toSorted((a, b) => a.line - b.line || a.column - b.column);
  }

  /** Something an operator should know and may want; the plan stands. */
  warn(pointer: string, message: string): void {
    const { file, line, column } = this.#locate(pointer);
    this.warnings.push(`${file}:${line}:${column}: ${pointer}: ${message}`);
  }
}
