import { fuzzFrames } from "./lean-grpc/run.ts";

/** The long run, on demand: `node test/fuzz/lean-grpc-frames.ts [cases] [seed]`. Ends with 1 on the first findings, with their seeds. */
const cases = Number(process.argv[2] ?? 100_000);
const seed = Number(process.argv[3] ?? Date.now());
const BATCH = 10_000;

let survived = 0;
process.on("uncaughtException", (thrown) => {
  console.error("thrown where nobody catches it:", thrown);
  process.exit(1);
});
for (let done = 0; done < cases; done += BATCH) {
  const report = await fuzzFrames({ cases: Math.min(BATCH, cases - done), seed: seed + done });
  survived += report.survived;
  for (const finding of report.findings.slice(0, 10)) console.error(finding);
  console.log(
    `${done + report.cases} cases from seed ${seed}, ${survived} connections survived, ${report.findings.length} findings`,
  );
  if (report.findings.length > 0) process.exit(1);
}
