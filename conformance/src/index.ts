// What a test of an interceptor uses; the command line is main.ts.
export { ALL_CASES } from "./all-cases.ts";
export type { CaseReport, ConformanceCase } from "./conformance-case.ts";
export { caseLines, jsonReport, type ReportStyle, summaryLine } from "./report.ts";
export { runSuite, type SuiteReport } from "./run-suite.ts";
export { serviceAddress, type ServiceAddress } from "./service-address.ts";
export type { ClientTls, SuiteOptions, TokenTerms } from "./suite-options.ts";
