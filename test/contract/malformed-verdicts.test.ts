import { expect, it } from "vitest";
import { grpcReviewClient } from "../../src/adapters/review/grpc-review-client.ts";
import { systemClock } from "../../src/adapters/system/clock.ts";
import { bindingPlan } from "../support/binding-plan.ts";
import { MemoryLog } from "../support/memory-log.ts";
import { corpus, CORPUS_WRITES, mutant, seeded } from "../support/mutated-verdicts.ts";
import { describing, testInterceptor } from "../support/test-interceptor.ts";
import { judge } from "../support/verdict-oracle.ts";
import { allowAll, callOf, review } from "./review-client/client-under-test.ts";

const MAX_PATCHES = 8;

it("meets 2,000 malformed verdicts on one connection: each is an invalid review or the denial it is, and the next is judged as ever", async () => {
  const random = seeded(7);
  const sent = new Map<string, "malformed" | "denial">();
  await using service = await testInterceptor(
    describing({}, ({ reviewId }) => {
      for (;;) {
        const bytes = mutant(corpus(reviewId), random);
        // patches are the pipeline's to refuse: any pointer is well-formed here
        const judgement = judge(bytes, { reviewId, maxPatches: MAX_PATCHES, writes: ["", ...CORPUS_WRITES] });
        if (judgement === "unsettled") continue;
        sent.set(reviewId, judgement);
        return { kind: "message", bytes };
      }
    }),
  );
  await using client = grpcReviewClient(
    {
      name: "tenancy",
      endpoints: [{ kind: "grpc", host: "127.0.0.1", port: service.port, url: `grpc://127.0.0.1:${service.port}` }],
      tls: undefined,
      gatewayId: "gw",
      gatewayVersion: "0.0.0",
      maxConcurrentReviews: 64,
      maxPendingReviews: 1024,
    },
    { clock: systemClock(), log: new MemoryLog() },
  );
  const { limits } = bindingPlan();
  const plan = bindingPlan({ limits: { ...limits, maxPatches: MAX_PATCHES } });
  const wrong: string[] = [];
  for (let round = 0; round < 40; round += 1) {
    const calls = Array.from({ length: 50 }, (_, index) => callOf({ reviewId: `m-${round}-${index}` }));
    await Promise.all(
      calls.map(async (call) => {
        const answer = await review(client, plan, call);
        const outcome = answer.ok ? answer.value.kind : answer.error.kind;
        if (outcome !== (sent.get(call.reviewId) === "denial" ? "deny" : "invalid")) wrong.push(`${call.reviewId}: ${outcome}`);
      }),
    );
  }
  expect(wrong).toEqual([]);
  expect(sent.size).toBe(2_000);
  expect(service.connections).toBeLessThanOrEqual(2);
  service.script = allowAll;
  expect(await review(client, plan)).toMatchObject({ ok: true, value: { kind: "allow" } });
});
