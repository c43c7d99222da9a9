import { fuzzRequests } from "./requests/run.ts";

/**
 * The long run, on demand: `node test/fuzz/requests.ts [cases] [seed]`. Ends with 1 on the first disagreements, with their bytes.
 */
const cases = Number(process.argv[2] ?? 1_000_000);
const seed = Number(process.argv[3] ?? Date.now());
const BATCH = 100_000;

let done = 0;
const totals = { accepted: 0, requests: 0, refused: 0, stricter: 0 };
for (let batch = 0; done < cases; batch += 1) {
  const report = fuzzRequests({ cases: Math.min(BATCH, cases - done), seed: seed + batch });
  done += report.cases;
  totals.accepted += report.accepted;
  totals.requests += report.requests;
  totals.refused += report.refused;
  totals.stricter += report.stricter;
  for (const { why, bytes, detail } of report.findings)
    console.error(`${why}\n  ${JSON.stringify(bytes.toString("latin1"))}\n  ${detail}`);
  console.log(
    `${done} cases from seed ${seed}: ${JSON.stringify(totals)}, ${report.findings.length} disagreements in the last batch`,
  );
  if (report.findings.length > 0) process.exit(1);
}
