import { equals, hasMember, isList, type Value } from "./values.ts";
import { FAULT, type Work } from "./work.ts";

/** A binary operator on values that may be of the wrong type: the checker knows nothing of what a body holds. */
export type Operator = (left: Value, right: Value, work: Work) => Value;

/** Every binary operator but `&&` and `||`, which do not always want both sides. */
export const OPERATORS = {
  "==": equals,
  "!=": (left, right, work) => !equals(left, right, work),
  "<": (left, right, work) => order(left, right, work) < 0,
  "<=": (left, right, work) => order(left, right, work) <= 0,
  ">": (left, right, work) => order(left, right, work) > 0,
  ">=": (left, right, work) => order(left, right, work) >= 0,
  in: (left, right, work) => isIn(left, right, work),
  "+": (left, right, work) => sum(left, right, work),
  "-": (left, right) => arithmetic(left, right, { int: (a, b) => a - b, double: (a, b) => a - b }),
  "*": (left, right) => arithmetic(left, right, { int: (a, b) => a * b, double: (a, b) => a * b }),
  "/": (left, right) => arithmetic(left, right, { int: (a, b) => a / nonZero(b), double: (a, b) => a / b }),
  "%": (left, right) => arithmetic(left, right, { int: (a, b) => a % nonZero(b) }),
} as const satisfies Record<string, Operator>;

/** Negative, zero or positive as `left` is before, equal to or after `right`; NaN where one of them is none, which no comparison meets. */
function order(left: Value, right: Value, work: Work): number {
  if (typeof left === "string" && typeof right === "string") {
    work.spend(Math.min(left.length, right.length) >> 4);
    return left < right ? -1 : left > right ? 1 : 0;
  }
  if (typeof left === "boolean" && typeof right === "boolean") return Number(left) - Number(right);
  const numeric = (value: Value): value is bigint | number => typeof value === "bigint" || typeof value === "number";
  if (!numeric(left) || !numeric(right)) throw FAULT;
  if (left < right) return -1;
  if (left > right) return 1;
  return Number.isNaN(left) || Number.isNaN(right) ? Number.NaN : 0;
}

function isIn(value: Value, container: Value, work: Work): boolean {
  return isList(container) ? container.some((item) => equals(value, item, work)) : hasMember(container, value);
}

function sum(left: Value, right: Value, work: Work): Value {
  if (typeof left === "string" && typeof right === "string") {
    work.spend((left.length + right.length) >> 4);
    return left + right;
  }
  if (isList(left) && isList(right)) {
    work.spend(left.length + right.length);
    return [...left, ...right];
  }
  return arithmetic(left, right, { int: (a, b) => a + b, double: (a, b) => a + b });
}

interface Arithmetic {
  readonly int: (left: bigint, right: bigint) => bigint;
  readonly double?: (left: number, right: number) => number;
}

// an int and a double are not mixed: the language wants a conversion
function arithmetic(left: Value, right: Value, { int, double }: Arithmetic): Value {
  if (typeof left === "bigint" && typeof right === "bigint") return int64(int(left, right));
  if (double !== undefined && typeof left === "number" && typeof right === "number") return double(left, right);
  throw FAULT;
}

/** The value if it has 64 bits. */
export function int64(value: bigint): bigint {
  if (BigInt.asIntN(64, value) !== value) throw FAULT;
  return value;
}

function nonZero(value: bigint): bigint {
  if (value === 0n) throw FAULT;
  return value;
}

/** `-value` */
export function negated(value: Value): Value {
  if (typeof value === "bigint") return int64(-value);
  if (typeof value === "number") return -value;
  throw FAULT;
}
