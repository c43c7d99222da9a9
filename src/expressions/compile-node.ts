import type { ASTNode, BinaryOperator } from "@marcbachmann/cel-js";
import { literalPath, type Compilation, type Evaluate } from "./compilation.ts";
import type { Frame } from "./facts.ts";
import { FUNCTIONS, METHODS, type Callable } from "./functions.ts";
import { hasMacro, iteration } from "./macros.ts";
import { negated, OPERATORS } from "./operators.ts";
import { matchesPattern } from "./patterns.ts";
import { Unusable } from "./problem.ts";
import { memberOf, type Value } from "./values.ts";
import { checkName, viewAccess } from "./view-access.ts";
import { FAULT, FAULT_WORK } from "./work.ts";

/** A checked expression as a closure; what the language has and conditions have not is refused, with its place. */
export function compileNode(node: ASTNode, compilation: Compilation): Evaluate {
  const { compile } = compilation;
  switch (node.op) {
    case "value":
      return literal(node);
    case "id":
    case ".":
    case "[]":
      return access(node, compilation);
    case "call":
      return node.args[0] === "has"
        ? hasMacro(node, compilation)
        : called(
            FUNCTIONS,
            node,
            node.args[1].map((arg) => compile(arg)),
          );
    case "rcall":
      return method(node, compilation);
    case "list":
      return list(node.args.map((item) => compile(item)));
    case "map":
      return map(node.args.map(([key, value]) => [literalKey(key), compile(value)]));
    case "?:":
      return ternary(compile(node.args[0]), compile(node.args[1]), compile(node.args[2]));
    case "||":
      return either(true, compile(node.args[0]), compile(node.args[1]));
    case "&&":
      return either(false, compile(node.args[0]), compile(node.args[1]));
    case "!_":
      return not(compile(node.args));
    case "-_":
      return negative(compile(node.args));
    case ".?":
    case "[?]":
      throw new Unusable("optional access is not available", node);
    default:
      return binary(node, compilation);
  }
}

type NodeOf<Op extends ASTNode["op"]> = Extract<ASTNode, { readonly op: Op }>;

function literal(node: NodeOf<"value">): Evaluate {
  const value = node.args;
  if (value === null || typeof value !== "object" || value instanceof Uint8Array) return () => value;
  throw new Unusable("unsigned numbers are not available; leave the u away", node);
}

function access(node: NodeOf<"id" | "." | "[]">, compilation: Compilation): Evaluate {
  const { scope, compile } = compilation;
  const path = literalPath(node, scope);
  const read = path === undefined ? undefined : viewAccess(path, compilation);
  if (read !== undefined) return read;
  if (node.op === "id") {
    const slot = scope.lastIndexOf(node.args);
    if (slot < 0) throw new Unusable(`${node.args} is not available in conditions`, node);
    return (frame) => frame.slots[slot] ?? null;
  }
  const value = compile(node.args[0]);
  if (node.op === ".") {
    const name = node.args[1];
    return (frame) => memberOf(value(frame), name, frame);
  }
  const index = compile(node.args[1]);
  return (frame) => memberOf(value(frame), index(frame), frame);
}

function method(node: NodeOf<"rcall">, compilation: Compilation): Evaluate {
  const [name, receiver, args] = node.args;
  const loop = iteration(node, compilation);
  if (loop !== undefined) return loop;
  if (name === "matches") return matchesPattern(compilation.compile(receiver), args);
  return called(
    METHODS,
    node,
    [receiver, ...args].map((arg) => compilation.compile(arg)),
  );
}

function called(table: Readonly<Record<string, Callable>>, node: NodeOf<"call" | "rcall">, args: readonly Evaluate[]): Evaluate {
  const [name] = node.args;
  const callable = Object.hasOwn(table, name) ? table[name] : undefined;
  if (callable === undefined || !callable.arity.includes(args.length))
    throw new Unusable(`the function ${name} is not available in conditions`, node);
  const { call } = callable;
  return (frame) =>
    call(
      args.map((arg) => arg(frame)),
      frame,
    );
}

function list(items: readonly Evaluate[]): Evaluate {
  return (frame) => items.map((item) => item(frame));
}

function map(entries: readonly (readonly [string, Evaluate])[]): Evaluate {
  return (frame) => new Map(entries.map(([key, value]) => [key, value(frame)]));
}

function literalKey(node: ASTNode): string {
  if (node.op === "value" && typeof node.args === "string") return node.args;
  throw new Unusable("the keys of a map are literal strings", node);
}

function ternary(condition: Evaluate, then: Evaluate, otherwise: Evaluate): Evaluate {
  return (frame) => (truth(condition(frame)) ? then(frame) : otherwise(frame));
}

/** `||` (`winner` true) and `&&`: one side that settles it is enough, whatever is wrong with the other (CEL, logical operators). */
function either(winner: boolean, left: Evaluate, right: Evaluate): Evaluate {
  return (frame) => {
    const first = attempt(left, frame);
    if (first === winner) return winner;
    if (truth(right(frame)) === winner) return winner;
    if (first === undefined) throw FAULT;
    return !winner;
  };
}

function attempt(evaluate: Evaluate, frame: Frame): boolean | undefined {
  try {
    const value = evaluate(frame);
    return typeof value === "boolean" ? value : undefined;
  } catch (error) {
    if (error !== FAULT) throw error;
    frame.spend(FAULT_WORK);
    return undefined;
  }
}

const not =
  (value: Evaluate): Evaluate =>
  (frame) =>
    !truth(value(frame));

const negative =
  (value: Evaluate): Evaluate =>
  (frame) =>
    negated(value(frame));

function truth(value: Value): boolean {
  if (typeof value === "boolean") return value;
  throw FAULT;
}

function binary(node: NodeOf<BinaryOperator>, compilation: Compilation): Evaluate {
  const [leftNode, rightNode] = node.args;
  if (node.op === "in") checkLiteralName(leftNode, rightNode, compilation);
  const operator = OPERATORS[node.op];
  const [left, right] = [compilation.compile(leftNode), compilation.compile(rightNode)];
  const texts = node.op === "in" ? literalTexts(rightNode) : undefined;
  if (texts !== undefined) return (frame) => texts.has(left(frame));
  return (frame) => operator(left(frame), right(frame), frame);
}

/** `"authorization" in request.headers` names a hidden field as literally as an index does. */
function checkLiteralName(name: ASTNode, container: ASTNode, { scope, hidden }: Compilation): void {
  const path = literalPath(container, scope);
  if (path !== undefined && name.op === "value" && typeof name.args === "string")
    checkName([...path, { name: name.args, node: name }], hidden);
}

/** The strings of a list that has nothing else; a set finds one of them at once. */
function literalTexts(node: ASTNode): ReadonlySet<Value> | undefined {
  if (node.op !== "list") return undefined;
  const texts = node.args.map((item) => (item.op === "value" && typeof item.args === "string" ? item.args : undefined));
  return texts.includes(undefined) ? undefined : new Set<Value>(texts.filter((text) => text !== undefined));
}
