import { parsePathPattern } from "../config/path-pattern.ts";
import type { RequestHead } from "../model/exchange.ts";
import type { PathPattern } from "../model/path-pattern.ts";
import type { Selector } from "../model/plan.ts";
import { hostName, matchesHost, matchesMethod, matchesPattern } from "./match-pattern.ts";

/** Tests the part of a selector that the head alone decides; undefined when nothing is left to test. */
export type HeadTest = (head: RequestHead) => boolean;

/** Compiles hosts, paths and methods of both sides (operator and manifest): all must match. */
export function headTest(selector: Selector): HeadTest | undefined {
  const tests = [...sideTests(selector), ...sideTests(selector.manifest)];
  if (tests.length === 0) return undefined;
  return (head) => tests.every((test) => test(head));
}

function sideTests(side: Pick<Selector, "hosts" | "paths" | "methods">): readonly HeadTest[] {
  const tests: HeadTest[] = [];
  const { hosts, methods } = side;
  if (methods !== undefined) tests.push((head) => matchesMethod(methods, head.method));
  if (hosts !== undefined) tests.push((head) => hosts.some((host) => matchesHost(host, hostName(head.host))));
  if (side.paths !== undefined) {
    const patterns = side.paths.map(patternOf);
    tests.push((head) => patterns.some((pattern) => matchesPattern(pattern, head.path)));
  }
  return tests;
}

// sources in a plan were parsed once already, when the plan was compiled
function patternOf(source: string): PathPattern {
  const parsed = parsePathPattern(source);
  if (!parsed.ok) throw new Error(`plan holds a path pattern that does not parse: ${source}`);
  return parsed.value;
}
