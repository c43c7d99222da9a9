import { fuzzRequests } from "./requests/run.ts";
import { fuzzResponses } from "./responses/run.ts";

/**
 * Both fuzzers for so many seconds in all: `node test/fuzz/timed.ts [seconds] [seed]`. Ends with 1 on the first disagreements. The seed
 * is another one every time, and printed: with it `responses.ts` and `requests.ts` find the same again.
 */
const seconds = Number(process.argv[2] ?? 60);
const seed = Number(process.argv[3] ?? Date.now());
const BATCH = 10_000;

const runs = [
  { name: "responses", fuzz: fuzzResponses },
  { name: "requests", fuzz: fuzzRequests },
] as const;

for (const { name, fuzz } of runs) {
  const endMs = performance.now() + (seconds * 1000) / runs.length;
  let cases = 0;
  for (let batch = 0; performance.now() < endMs; batch += 1) {
    const report = fuzz({ cases: BATCH, seed: seed + batch });
    cases += report.cases;
    if (report.findings.length === 0) continue;
    console.error(`${name}, seed ${seed + batch}: ${JSON.stringify(report.findings, undefined, 1)}`);
    process.exit(1);
  }
  console.log(`${cases} ${name} from seed ${seed}: 0 disagreements`);
}
