import { expect, it } from "vitest";
import { fuzzFrames } from "../../fuzz/lean-grpc/run.ts";

// the long run is `node test/fuzz/lean-grpc-frames.ts`: 50,000 of these hold 100,000 mutations
it("both ends take mutated streams of frames without throwing, and every call ends once", { timeout: 60_000 }, async () => {
  const report = await fuzzFrames({ cases: 2_000, seed: 20_261_121 });
  expect(report.findings).toEqual([]);
  // neither everything broken nor everything harmless
  expect(report.survived).toBeGreaterThan(200);
  expect(report.survived).toBeLessThan(1_800);
});
