import { grpcReviewClient } from "../../src/adapters/review/grpc-review-client.ts";
import { systemClock } from "../../src/adapters/system/clock.ts";
import { MemoryLog } from "../support/memory-log.ts";
import { reviewClientContract } from "./review-client.contract.ts";

for (const transport of ["lean", "grpc-js"] as const) {
  reviewClientContract(
    `grpcReviewClient over ${transport}`,
    ({ port }, { maxConcurrentReviews = 256, maxPendingReviews = 1024 } = {}) =>
      grpcReviewClient(
        {
          name: "tenancy",
          endpoints: [{ kind: "grpc", host: "127.0.0.1", port, url: `grpc://127.0.0.1:${port}` }],
          transport,
          tls: undefined,
          gatewayId: "gw",
          gatewayVersion: "0.0.0",
          maxConcurrentReviews,
          maxPendingReviews,
        },
        { clock: systemClock(), log: new MemoryLog() },
      ),
  );
}
