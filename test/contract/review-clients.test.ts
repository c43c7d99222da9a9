import { grpcReviewClient } from "../../src/adapters/review/grpc-review-client.ts";
import { systemClock } from "../../src/adapters/system/clock.ts";
import { MemoryLog } from "../support/memory-log.ts";
import { reviewClientContract } from "./review-client.contract.ts";

reviewClientContract("grpcReviewClient", ({ port }, { maxConcurrentReviews = 256, maxPendingReviews = 1024 } = {}) =>
  grpcReviewClient(
    {
      name: "tenancy",
      endpoint: { kind: "grpc", host: "127.0.0.1", port },
      tls: undefined,
      gatewayId: "gw",
      gatewayVersion: "0.0.0",
      maxConcurrentReviews,
      maxPendingReviews,
    },
    { clock: systemClock(), log: new MemoryLog() },
  ),
);
