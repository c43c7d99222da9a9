import { createServer, type AddressInfo, type Socket } from "node:net";
import { DescribeRequest } from "@sallyport/contract/gen/sallyport/interceptor/v1/interceptor.ts";
import { METHODS } from "@sallyport/contract/wire.ts";
import { afterEach, describe, expect, it, vi } from "vitest";
import { grpcReviewClient, type GrpcReviewClient } from "../../../../src/adapters/review/grpc-review-client.ts";
import { systemClock } from "../../../../src/adapters/system/clock.ts";
import { CancelSource } from "../../../../src/model/cancel.ts";
import { bindingPlan } from "../../../support/binding-plan.ts";
import { Events } from "../../../support/events.ts";
import { exchangeOf } from "../../../support/exchange.ts";
import { MemoryLog } from "../../../support/memory-log.ts";
import { allowing, describing, testInterceptor } from "../../../support/test-interceptor.ts";

const SUBJECT = {
  exchange: exchangeOf(),
  route: { name: "main", labels: {} },
  requestBody: undefined,
  responseBody: undefined,
  outcome: undefined,
};

function client(
  port: number,
  parts: { readonly log?: MemoryLog; readonly maxConcurrentReviews?: number } = {},
): GrpcReviewClient {
  return grpcReviewClient(
    {
      name: "tenancy",
      endpoints: [{ kind: "grpc", host: "localhost", port, url: `grpc://localhost:${port}` }],
      tls: undefined,
      gatewayId: "gw",
      gatewayVersion: "1.2.3",
      maxConcurrentReviews: parts.maxConcurrentReviews ?? 10,
      maxPendingReviews: 10,
    },
    { clock: systemClock(), log: parts.log ?? new MemoryLog() },
  );
}

const reviewerOf = (from: GrpcReviewClient) => from.reviewer(bindingPlan(), { headers: new Set(), query: new Set() });

const callOf = (grantMs = 3_000) => ({ reviewId: "r", grantMs, cancel: new CancelSource() });

afterEach(() => {
  vi.unstubAllEnvs();
});

describe("grpcReviewClient", () => {
  it("lets waiting reviews in when its limits are raised", async () => {
    const arrived = new Events();
    const { promise: gate, resolve: open } = Promise.withResolvers<void>();
    await using service = await testInterceptor(
      describing({}, async ({ reviewId }) => {
        arrived.add();
        await gate;
        return allowing(reviewId);
      }),
    );
    await using reached = client(service.port, { maxConcurrentReviews: 1 });
    const ask = reviewerOf(reached);
    const answers = [ask(SUBJECT, callOf()), ask(SUBJECT, callOf())];
    await arrived.reach(1);
    reached.setLimits({ maxConcurrentReviews: 2, maxPendingReviews: 10 });
    await arrived.reach(2);
    open();
    expect((await Promise.all(answers)).every(({ ok }) => ok)).toBe(true);
  });

  it("tells the service how many reviews it may see at once, those beside the path included", async () => {
    await using service = await testInterceptor(describing({}, ({ reviewId }) => allowing(reviewId)));
    await using reached = client(service.port, { maxConcurrentReviews: 100 });
    await reached.describe([], { deadlineMs: 3_000, cancel: new CancelSource() });
    const asked = service.calls.find(({ method }) => method === METHODS.describe);
    expect(DescribeRequest.decode(asked?.message ?? Buffer.alloc(0)).limits).toEqual({ maxConcurrentReviews: 100 + 16 + 25 });
  });

  it("ignores the proxy of the environment", async () => {
    vi.stubEnv("http_proxy", "http://127.0.0.1:1");
    vi.stubEnv("grpc_proxy", "http://127.0.0.1:1");
    await using service = await testInterceptor(describing({}, ({ reviewId }) => allowing(reviewId)));
    await using reached = client(service.port);
    expect(await reviewerOf(reached)(SUBJECT, callOf())).toMatchObject({ ok: true });
  });

  it("says who it is, and logs when the connection comes and goes", async () => {
    const log = new MemoryLog();
    const service = await testInterceptor(describing({}, ({ reviewId }) => allowing(reviewId)));
    await using reached = client(service.port, { log });
    await reviewerOf(reached)(SUBJECT, callOf());
    expect(service.calls[0]?.headers["user-agent"]).toMatch(/^sallyport\/1\.2\.3(?: |$)/);
    await service.kill();
    expect(await reviewerOf(reached)(SUBJECT, callOf())).toMatchObject({ ok: false, error: { kind: "unavailable" } });
    expect(log.events.slice(0, 2)).toEqual(["interceptor_connected", "interceptor_connection_lost"]);
  });

  it("waits no longer than the grant for a peer that accepts connections and says nothing", async () => {
    const sockets = new Set<Socket>();
    const silent = createServer((socket) => sockets.add(socket.on("error", () => {})));
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    // a TCP server's address is an object
    await using reached = client((silent.address() as AddressInfo).port);
    const startedMs = performance.now();
    expect(await reviewerOf(reached)(SUBJECT, callOf(100))).toMatchObject({ ok: false, error: { kind: "timeout" } });
    expect(performance.now() - startedMs).toBeLessThan(1_000);
    for (const socket of sockets) socket.destroy();
    silent.close();
  });

  it("gives the room of a cancelled review back, whenever it was cancelled", async () => {
    await using service = await testInterceptor(describing({}, ({ reviewId }) => allowing(reviewId)));
    await using reached = client(service.port, { maxConcurrentReviews: 1 });
    const ask = reviewerOf(reached);
    for (let turns = 0; turns < 6; turns += 1) {
      const cancel = new CancelSource();
      const answers = [ask(SUBJECT, { ...callOf(), cancel }), ask(SUBJECT, { ...callOf(), cancel })];
      for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
      cancel.abort();
      await Promise.all(answers);
    }
    expect(await ask(SUBJECT, callOf())).toMatchObject({ ok: true });
  });
});
