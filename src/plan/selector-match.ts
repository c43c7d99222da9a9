import { parsePathPattern } from "../config/path-pattern.ts";
import type { RequestHead } from "../model/exchange.ts";
import { comparablePath, type PathPattern } from "../model/path-pattern.ts";
import type { Selector } from "../model/plan.ts";
import { hostName, matchesHost, matchesMethod, matchesPattern } from "./match-pattern.ts";

/** Tests the part of a selector that the head alone decides. */
export type HeadTest = (head: RequestHead) => boolean;

/** Compiles hosts, paths and methods of both sides (operator and manifest): all must match. Undefined when there is nothing to test. */
export function headTest(selector: Selector): HeadTest | undefined {
  const tests = [...sideTests(selector), ...sideTests(selector.manifest)];
  if (tests.length === 0) return undefined;
  return (head) => tests.every((test) => test(head));
}

function sideTests({ hosts, methods, paths }: Pick<Selector, "hosts" | "paths" | "methods">): readonly HeadTest[] {
  const tests: HeadTest[] = [];
  if (methods !== undefined) tests.push((head) => matchesMethod(methods, head.method));
  if (hosts !== undefined) tests.push(hostTest(hosts));
  if (paths !== undefined) tests.push(pathTest(paths));
  return tests;
}

function hostTest(hosts: readonly string[]): HeadTest {
  return (head) => {
    const host = hostName(head.host);
    return hosts.some((pattern) => matchesHost(pattern, host));
  };
}

function pathTest(paths: readonly string[]): HeadTest {
  const patterns = paths.map(patternOf);
  return (head) => {
    const path = comparablePath(head.path);
    return patterns.some((pattern) => matchesPattern(pattern, path));
  };
}

// sources in a plan were parsed once already, when the plan was compiled
function patternOf(source: string): PathPattern {
  const parsed = parsePathPattern(source);
  if (!parsed.ok) throw new Error(`plan holds a path pattern that does not parse: ${source}`);
  return parsed.value;
}
