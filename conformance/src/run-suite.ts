import { ALL_CASES } from "./all-cases.ts";
import type { CaseReport, ConformanceCase } from "./conformance-case.ts";
import { Finding, NotApplicable } from "./finding.ts";
import { Probe } from "./probe.ts";
import { formatAddress } from "./service-address.ts";
import type { SuiteOptions } from "./suite-options.ts";

/** What a run found. */
export interface SuiteReport {
  readonly address: string;
  /** Name and version from the manifest; empty when there was none. */
  readonly service: string;
  readonly cases: readonly CaseReport[];
  /** No case failed. */
  readonly conforms: boolean;
}

/**
 * Runs the cases, one after the other, against a running service. Rejects only when the run cannot begin: certificates or keys that are
 * none. Every connection it opened is closed when it resolves.
 */
export async function runSuite(options: SuiteOptions, onCase: (report: CaseReport) => void = () => {}): Promise<SuiteReport> {
  using probe = new Probe(options);
  const cases: CaseReport[] = [];
  for (const each of chosen(options.cases)) {
    const report = await runCase(each, probe);
    onCase(report);
    cases.push(report);
  }
  return {
    address: formatAddress(options.address),
    service: await serviceOf(probe),
    cases,
    conforms: cases.every(({ outcome }) => outcome !== "fail"),
  };
}

const chosen = (names: readonly string[]): readonly ConformanceCase[] =>
  names.length === 0 ? ALL_CASES : ALL_CASES.filter(({ name }) => names.includes(name));

async function runCase(each: ConformanceCase, probe: Probe): Promise<CaseReport> {
  const { name, rule, requires, maxMs = 20_000 } = each;
  const startedMs = performance.now();
  const ended = await Promise.race([endOf(each, probe), afterAll(maxMs)]);
  return { name, rule, requires, ...ended, tookMs: Math.round(performance.now() - startedMs) };
}

type Ending = Pick<CaseReport, "outcome" | "reason">;

async function endOf(each: ConformanceCase, probe: Probe): Promise<Ending> {
  try {
    return { outcome: "pass", reason: (await each.run(probe)) ?? "" };
  } catch (error) {
    if (error instanceof NotApplicable) return { outcome: "skip", reason: error.message };
    if (error instanceof Finding) return { outcome: "fail", reason: error.message };
    // a mistake of the suite must not look like a pass
    return {
      outcome: "fail",
      reason: `the suite broke: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    };
  }
}

function afterAll(maxMs: number): Promise<Ending> {
  return new Promise((resolve) => {
    setTimeout(() => resolve({ outcome: "fail", reason: `the case did not end within ${maxMs} ms` }), maxMs).unref();
  });
}

async function serviceOf(probe: Probe): Promise<string> {
  try {
    const { name, version } = await probe.manifest();
    return `${name} ${version}`.trim();
  } catch {
    return "";
  }
}
