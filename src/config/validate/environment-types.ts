import type { z } from "zod";
import type { PlainValue } from "../source/config-node.ts";
import { pointerTo } from "../source/pointer.ts";
import type { ConfigPositions } from "../source/positions.ts";

/**
 * Turns text that came from the environment into the number or the boolean the schema asked for, in place. Variables are text;
 * what they mean is known only where the schema refused the text. Returns whether anything changed.
 */
export function readEnvironmentTypes(
  value: PlainValue,
  issues: readonly z.core.$ZodIssue[],
  positions: ConfigPositions,
): boolean {
  let changed = false;
  for (const issue of issues) {
    const parse = parserFor(issue);
    const parent = issue.path.slice(0, -1).reduce<PlainValue | undefined>(memberOf, value);
    const step = issue.path.at(-1);
    const node = positions.nodeAt(issue.path.reduce<string>((pointer, each) => pointerTo(pointer, String(each)), ""));
    if (parse === undefined || step === undefined || node?.kind !== "scalar" || !node.fromEnvironment) continue;
    const typed = typeof node.value === "string" ? parse(node.value.trim()) : undefined;
    if (typed === undefined || typeof parent !== "object" || parent === null) continue;
    Reflect.set(parent, step, typed);
    changed = true;
  }
  return changed;
}

function parserFor(issue: z.core.$ZodIssue): ((text: string) => number | boolean | undefined) | undefined {
  if (issue.code === "invalid_value") return issue.values.some((each) => typeof each === "number") ? toNumber : undefined;
  if (issue.code === "invalid_union")
    return issue.errors
      .flat()
      .map(parserFor)
      .find((parse) => parse !== undefined);
  if (issue.code !== "invalid_type") return undefined;
  if (issue.expected === "number" || issue.expected === "int") return toNumber;
  return issue.expected === "boolean" ? toBoolean : undefined;
}

const toNumber = (text: string): number | undefined =>
  /^-?(0|[1-9][0-9]{0,15})(\.[0-9]{1,15})?$/.test(text) ? Number(text) : undefined;

const toBoolean = (text: string): boolean | undefined => (text === "true" ? true : text === "false" ? false : undefined);

const memberOf = (value: PlainValue | undefined, step: PropertyKey): PlainValue | undefined =>
  // the result is a member of a plain value
  typeof value === "object" && value !== null && Object.hasOwn(value, step)
    ? (Reflect.get(value, step) as PlainValue)
    : undefined;
