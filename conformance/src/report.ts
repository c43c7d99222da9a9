import { styleText } from "node:util";
import type { CaseReport } from "./conformance-case.ts";
import type { SuiteReport } from "./run-suite.ts";

/** Whether texts are coloured. */
export interface ReportStyle {
  readonly isColoured: boolean;
}

/** One case as people read it: outcome, name, reason; of a failure also what was required. */
export function caseLines({ outcome, name, reason, requires, rule, tookMs }: CaseReport, { isColoured }: ReportStyle): string {
  const word = { pass: "ok  ", fail: "FAIL", skip: "skip" }[outcome];
  const shown = isColoured ? styleText(COLOURS[outcome], word, { validateStream: false }) : word;
  const first = `${shown}  ${name.padEnd(NAME_WIDTH)} ${`${tookMs} ms`.padStart(9)}`;
  if (outcome !== "fail") return `${first}  ${reason}`.trimEnd();
  return `${first}\n        required: ${requires} (${rule})\n        found:    ${reason}`;
}

/** The line under the table. */
export function summaryLine({ address, service, cases }: SuiteReport): string {
  const count = (outcome: CaseReport["outcome"]): number => cases.filter((each) => each.outcome === outcome).length;
  const seconds = (cases.reduce((sum, { tookMs }) => sum + tookMs, 0) / 1000).toFixed(1);
  const who = service === "" ? address : `${service} at ${address}`;
  return `${count("pass")} passed, ${count("fail")} failed, ${count("skip")} skipped in ${seconds} s: ${who}`;
}

/** The whole report for programs: one JSON document. */
export function jsonReport({ address, service, conforms, cases }: SuiteReport): string {
  const shown = cases.map(({ tookMs, ...each }) => ({ ...each, took_ms: tookMs }));
  return `${JSON.stringify({ address, service, conforms, cases: shown }, null, 2)}\n`;
}

const COLOURS = { pass: "green", fail: "red", skip: "yellow" } as const;

const NAME_WIDTH = 40;
