import type { ASTNode } from "@marcbachmann/cel-js";
import type { Phase } from "../model/phase.ts";
import { err, ok, type Result } from "../model/result.ts";
import type { Compilation, Evaluate } from "./compilation.ts";
import { compileNode } from "./compile-node.ts";
import { checker, EXPRESSION_LIMITS } from "./declarations.ts";
import { Frame, type HiddenNames, type PredicateFacts } from "./facts.ts";
import { problemAt, Unusable, type ExpressionProblem } from "./problem.ts";

/** A condition ready to be asked. */
export interface CompiledPredicate {
  /** Never throws. `error` (a value of an unexpected type, a missing key below a body, too much work) counts as a match (C22). */
  readonly evaluate: (facts: PredicateFacts) => "match" | "no-match" | "error";
  /** Which bodies it reads: they have to be captured for it. */
  readonly needsBody: { readonly request: boolean; readonly response: boolean };
}

/** What an expression may speak of. */
export interface PredicateScope {
  readonly phase: Phase;
  /** Naming one of these literally is a mistake; a computed name of one reads as absent (C22, C23). */
  readonly hidden: HiddenNames;
}

/**
 * Compiles a `when`: a CEL expression over the view that answers true or false (C22). Syntax, types, facts the phase does not have,
 * hidden fields and what is too large are found here. What it costs to evaluate is bounded, whatever the exchange holds.
 */
export function compilePredicate(source: string, scope: PredicateScope): Result<CompiledPredicate, ExpressionProblem> {
  if (source.length > EXPRESSION_LIMITS.chars)
    return err(problemAt(source, EXPRESSION_LIMITS.chars, `an expression has at most ${EXPRESSION_LIMITS.chars} characters`));
  try {
    const needsBody = { request: false, response: false };
    const evaluate = compileWith(checked(source), { ...scope, needsBody }, []);
    return ok({ evaluate: (facts) => answer(evaluate, facts), needsBody });
  } catch (error) {
    if (error instanceof Unusable) return err(problemAt(source, error.offset, error.message));
    throw error;
  }
}

function compileWith(node: ASTNode, base: Omit<Compilation, "scope" | "compile">, scope: readonly string[]): Evaluate {
  return compileNode(node, { ...base, scope, compile: (part, inner = scope) => compileWith(part, base, inner) });
}

/** Parsed, of known types, and true or false in the end. */
function checked(source: string): ASTNode {
  try {
    const parsed = checker().parse(source);
    const { valid, type, error } = parsed.check();
    if (!valid) throw error ?? new Error("the expression does not check");
    if (type !== "bool")
      throw new Unusable(
        `a condition answers true or false, this one ${type === "dyn" ? "anything; compare it with == true" : `a value of type ${type ?? "dyn"}`}`,
        parsed.ast,
      );
    return parsed.ast;
  } catch (error) {
    throw error instanceof Unusable ? error : new Unusable(summaryOf(error), { pos: offsetOf(error) });
  }
}

/** The library's own sentence, without the excerpt of the source it appends. */
function summaryOf(error: unknown): string {
  if (error instanceof Error && "summary" in error && typeof error.summary === "string") return error.summary;
  return "the expression cannot be read";
}

function offsetOf(error: unknown): number {
  const range = error instanceof Error && "range" in error ? error.range : undefined;
  return typeof range === "object" && range !== null && "start" in range && typeof range.start === "number" ? range.start : 0;
}

function answer(evaluate: Evaluate, facts: PredicateFacts): "match" | "no-match" | "error" {
  try {
    const value = evaluate(new Frame(facts));
    if (typeof value !== "boolean") return "error";
    return value ? "match" : "no-match";
  } catch {
    // a fault, or a bug of ours: neither may let an exchange pass unreviewed
    return "error";
  }
}
