import type { ASTNode } from "@marcbachmann/cel-js";
import { RE2JS } from "re2js";
import type { Evaluate } from "./compilation.ts";
import { textOf } from "./functions.ts";
import { Unusable } from "./problem.ts";

/** `text.matches(pattern)`, in time linear in the text (RE2). The pattern is a literal, so that it is compiled, and its mistakes found, at load. */
export function matchesPattern(text: Evaluate, args: readonly ASTNode[]): Evaluate {
  const [pattern] = args;
  if (pattern?.op !== "value" || typeof pattern.args !== "string") {
    throw new Unusable("the pattern of matches() is a literal string", pattern ?? { pos: 0 });
  }
  const compiled = compilePattern(pattern.args, pattern);
  return (frame) => {
    const subject = textOf(text(frame), frame);
    frame.spend(subject.length >> 2);
    return compiled.test(subject);
  };
}

function compilePattern(source: string, node: ASTNode): RE2JS {
  try {
    return RE2JS.compile(source);
  } catch (error) {
    throw new Unusable(
      `the pattern of matches() cannot be used: ${error instanceof Error ? error.message : "unknown syntax"}`,
      node,
    );
  }
}
