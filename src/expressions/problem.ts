import type { ASTNode } from "@marcbachmann/cel-js";

/** Why an expression cannot be used, at the place where it stands. */
export interface ExpressionProblem {
  /** What is wrong: a fragment without a period. */
  readonly message: string;
  /** UTF-16 units from the start of the expression. */
  readonly offset: number;
  /** 1-based, inside the expression. */
  readonly line: number;
  /** 1-based, in UTF-16 units. */
  readonly column: number;
}

/** Ends the compilation of an expression; caught where it began. */
export class Unusable extends Error {
  readonly offset: number;

  constructor(message: string, at: Pick<ASTNode, "pos">) {
    super(message);
    this.offset = at.pos;
  }
}

/** The problem at an offset of the source. */
export function problemAt(source: string, offset: number, message: string): ExpressionProblem {
  const before = source.slice(0, offset).split("\n");
  return { message, offset, line: before.length, column: (before.at(-1) ?? "").length + 1 };
}
