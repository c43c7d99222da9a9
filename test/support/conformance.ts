import { runSuite, type SuiteOptions, type SuiteReport } from "@sallyport/interceptor-conformance";
import { testCertificates } from "./certificates.ts";

/** Runs the conformance suite, as a gateway's own certificate lets it, against a service of this machine whose certificate is for `localhost`. */
export async function conformanceOf(port: number, changes: Partial<SuiteOptions> = {}): Promise<SuiteReport> {
  const certificates = await testCertificates();
  return runSuite({
    address: { scheme: "grpcs", host: "127.0.0.1", port },
    tls: { ca: certificates.ca, pair: await certificates.client() },
    serverName: "localhost",
    bindings: [],
    configs: new Map(),
    cases: [],
    reviewMs: 5_000,
    slow: false,
    ...changes,
  });
}

/** What a report says of cases with an outcome: name and reason. */
export const casesThat = (outcome: "pass" | "fail" | "skip", { cases }: SuiteReport): readonly string[] =>
  cases.filter((each) => each.outcome === outcome).map(({ name, reason }) => (reason === "" ? name : `${name}: ${reason}`));
