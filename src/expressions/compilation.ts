import type { ASTNode } from "@marcbachmann/cel-js";
import type { Phase } from "../model/phase.ts";
import type { Frame, HiddenNames } from "./facts.ts";
import type { Value } from "./values.ts";

/** One compiled part of an expression. */
export type Evaluate = (frame: Frame) => Value;

/** What is known while one expression is compiled. */
export interface Compilation {
  readonly phase: Phase;
  readonly hidden: HiddenNames;
  /** Iteration variables in scope, outermost first; the index is the slot of the frame. */
  readonly scope: readonly string[];
  /** Which bodies the expression reads. */
  readonly needsBody: { request: boolean; response: boolean };
  /** Compiles a part. */
  readonly compile: (node: ASTNode, scope?: readonly string[]) => Evaluate;
}

/** One step of a path: `.name` or `["name"]`. */
export interface PathStep {
  readonly name: string;
  readonly node: ASTNode;
}

/** The path from a root of the view that a node spells out literally; undefined for anything else. */
export function literalPath(node: ASTNode, scope: readonly string[]): readonly PathStep[] | undefined {
  if (node.op === "id") return scope.includes(node.args) ? undefined : [{ name: node.args, node }];
  if (node.op === ".") return step(node.args[0], node.args[1], node, scope);
  if (node.op !== "[]") return undefined;
  const index = node.args[1];
  return index.op === "value" && typeof index.args === "string" ? step(node.args[0], index.args, index, scope) : undefined;
}

function step(left: ASTNode, name: string, node: ASTNode, scope: readonly string[]): readonly PathStep[] | undefined {
  const path = literalPath(left, scope);
  return path === undefined ? undefined : [...path, { name, node }];
}
