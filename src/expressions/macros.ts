import type { ASTNode } from "@marcbachmann/cel-js";
import { literalPath, type Compilation, type Evaluate } from "./compilation.ts";
import { EXPRESSION_LIMITS } from "./declarations.ts";
import type { Frame } from "./facts.ts";
import { Unusable } from "./problem.ts";
import { hasMember, itemsOf, toValue, type Value } from "./values.ts";
import { checkName } from "./view-access.ts";
import { FAULT, FAULT_WORK } from "./work.ts";

type Call = Extract<ASTNode, { readonly op: "call" }>;
type MethodCall = Extract<ASTNode, { readonly op: "rcall" }>;

/** `has(value.name)`: whether the name is there; an absent header is not, though it reads as empty. */
export function hasMacro(node: Call, compilation: Compilation): Evaluate {
  const [argument] = node.args[1];
  if (argument?.op !== ".") throw new Unusable("has() takes a field: has(request.body.name)", node);
  const [container, name] = argument.args;
  const path = literalPath(argument, compilation.scope);
  if (path !== undefined) checkName(path, compilation.hidden);
  const isField = path?.length === 2 && path[0]?.name !== "labels";
  if (isField) {
    compilation.compile(argument);
    return () => true;
  }
  const value = compilation.compile(container);
  return (frame) => hasMember(value(frame), name);
}

/** One of the loops `list.exists(item, condition)` and its kin; undefined for any other method. */
export function iteration(node: MethodCall, compilation: Compilation): Evaluate | undefined {
  const [name, receiver, [variable, ...parts]] = node.args;
  const loop = Object.hasOwn(LOOPS, name) ? LOOPS[name] : undefined;
  if (loop === undefined || variable?.op !== "id" || !loop.parts.includes(parts.length)) return undefined;
  const { scope, compile } = compilation;
  if (scope.length >= EXPRESSION_LIMITS.comprehensions) {
    throw new Unusable(`loops are nested at most ${EXPRESSION_LIMITS.comprehensions} deep`, node);
  }
  const items = compile(receiver);
  const inner = [...scope, variable.args];
  const compiled = parts.map((part) => compile(part, inner));
  const work = node.end - node.start;
  return (frame) => loop.run(new Round(frame, itemsOf(items(frame)), { slot: scope.length, work }), compiled);
}

/** The items of one loop, each put into its slot in turn. */
class Round {
  readonly frame: Frame;
  readonly #items: readonly Value[];
  readonly #place: { readonly slot: number; readonly work: number };

  constructor(frame: Frame, items: readonly Value[], place: { readonly slot: number; readonly work: number }) {
    this.frame = frame;
    this.#items = items;
    this.#place = place;
  }

  *[Symbol.iterator](): Generator<Value> {
    const { slot, work } = this.#place;
    for (const item of this.#items) {
      // the length of the text is as good a measure of what one round costs as any
      this.frame.spend(work);
      const value = toValue(item);
      this.frame.slots[slot] = value;
      yield value;
    }
  }

  /** The condition's answer for the item in its slot. */
  test(condition: Evaluate | undefined): boolean {
    const answer = condition?.(this.frame);
    if (typeof answer !== "boolean") throw FAULT;
    return answer;
  }
}

interface Loop {
  /** How many expressions it takes after the variable. */
  readonly parts: readonly number[];
  readonly run: (round: Round, parts: readonly Evaluate[]) => Value;
}

const LOOPS: Readonly<Record<string, Loop>> = {
  all: { parts: [1], run: (round, [condition]) => !settled(round, condition, false) },
  exists: { parts: [1], run: (round, [condition]) => settled(round, condition, true) },
  exists_one: { parts: [1], run: (round, [condition]) => countOf(round, condition) === 1 },
  filter: { parts: [1], run: (round, [condition]) => kept(round, condition, undefined) },
  map: {
    parts: [1, 2],
    run: (round, parts) => (parts.length === 2 ? kept(round, parts[0], parts[1]) : kept(round, undefined, parts[0])),
  },
};

/** Whether some item gives the wanted answer. One that does outweighs others that fail, as with `||`. */
function settled(round: Round, condition: Evaluate | undefined, wanted: boolean): boolean {
  let failed = false;
  for (const _ of round) {
    try {
      if (round.test(condition) === wanted) return true;
    } catch (error) {
      if (error !== FAULT) throw error;
      failed = true;
      round.frame.spend(FAULT_WORK);
    }
  }
  if (failed) throw FAULT;
  return false;
}

function countOf(round: Round, condition: Evaluate | undefined): number {
  let count = 0;
  for (const _ of round) if (round.test(condition)) count += 1;
  return count;
}

function kept(round: Round, condition: Evaluate | undefined, transform: Evaluate | undefined): readonly Value[] {
  const values: Value[] = [];
  for (const item of round)
    if (condition === undefined || round.test(condition)) values.push(transform === undefined ? item : transform(round.frame));
  return values;
}
