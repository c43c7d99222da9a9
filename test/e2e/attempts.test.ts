import { constants } from "node:http2";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { quota } from "../../examples/interceptors/quota/quota.ts";
import { startGateway } from "../support/start-gateway.ts";
import { gatewayFiles, startInterceptor } from "../support/start-interceptor.ts";
import { startUpstream } from "../support/start-upstream.ts";
import { allowing, type Reply } from "../support/test-interceptor.ts";
import { METHODS } from "@sallyport/contract/wire.ts";
import { ask, problemOf, reviewsOf } from "./support/ask.ts";
import { configuration, interceptorAt, openRoute } from "./support/configuration.ts";
import { house, type House } from "./support/reviewed.ts";

let place: House;

beforeAll(async () => {
  const guard = (id: string, idempotent: boolean) =>
    ({
      declares: { id, phase: "pre-route", mode: "validate", needs: ["/request/path"], idempotent },
      operator: { match: { routes: [id] } },
    }) as const;
  place = await house([guard("once", false), guard("again", true)], {
    sections: { routes: [openRoute("once"), openRoute("again")] },
  });
});

afterAll(() => place?.[Symbol.asyncDispose]());

/** Attempts of the reviews since the last test, with their ids. */
let attempts: { readonly reviewId: string; readonly attempt: number }[] = [];

beforeEach(() => {
  attempts = [];
});

/** Answers the first attempts so, and allows what comes after them. */
function failFirst(...replies: readonly Reply[]): void {
  place.service.answers = ({ reviewId, attempt }) => {
    attempts.push({ reviewId, attempt });
    return replies[attempts.length - 1] ?? allowing(reviewId);
  };
}

const refusedStream: Reply = { kind: "reset", code: constants.NGHTTP2_REFUSED_STREAM };
const cut: Reply = { kind: "cut" };

describe("a review whose answer was lost", () => {
  it.each([
    ["the service refused the stream, so it cannot have seen it", "once", refusedStream],
    ["the service refused the stream, and the binding is idempotent", "again", refusedStream],
    ["the connection was lost, and the binding is idempotent", "again", cut],
  ])("is asked once more under the same id where %s (C6)", async (_what, route, lost) => {
    failFirst(lost);
    const { answer } = await place.send({ path: `/${route}/a` });
    expect(answer.status).toBe(200);
    const [first, second] = attempts;
    expect(attempts.map(({ attempt }) => attempt)).toEqual([1, 2]);
    expect(second?.reviewId).toBe(first?.reviewId);
  });

  it("is not asked again where the connection was lost and the binding is not idempotent (C6)", async () => {
    failFirst(cut);
    const { answer } = await place.send({ path: "/once/a" });
    expect(problemOf(answer).code).toBe("interceptor_unavailable");
    expect(attempts).toHaveLength(1);
  });

  it.each([
    ["refused twice", "once", refusedStream],
    ["lost twice", "again", cut],
  ])("is asked no third time when it was %s (C6)", async (_what, route, lost) => {
    failFirst(lost, lost);
    const { answer } = await place.send({ path: `/${route}/a` });
    expect(problemOf(answer)).toMatchObject({ status: 503, code: "interceptor_unavailable" });
    expect(attempts).toHaveLength(2);
  });

  it("is not asked again after an answer of any kind (C6)", async () => {
    failFirst({ kind: "status", code: 14 });
    await place.send({ path: "/once/a" });
    expect(attempts).toHaveLength(1);
  });

  it("has an id of its own per exchange, also under one request id, which a client may choose (C6)", async () => {
    failFirst();
    const asking = { path: "/once/a", headers: [["X-Request-Id", "chosen-by-a-client"]] } as const;
    await ask(place.gateway, asking);
    await ask(place.gateway, asking);
    expect(new Set(attempts.map(({ reviewId }) => reviewId)).size).toBe(2);
    expect(attempts.some(({ reviewId }) => reviewId.includes("chosen"))).toBe(false);
  });
});

describe("a service that does not know the config it is to judge by", () => {
  it("is unavailable for that review and described again, with its config (C30)", async () => {
    const describes = () => place.service.service.calls.filter(({ method }) => method === METHODS.describe).length;
    const before = describes();
    failFirst({ kind: "status", code: 9, details: "unknown config" });
    const { answer, line } = await place.send({ path: "/once/a" });
    expect(problemOf(answer).code).toBe("interceptor_unavailable");
    expect(reviewsOf(line)).toEqual([expect.objectContaining({ failure: "unavailable" })]);
    await expect.poll(describes, { timeout: 5_000 }).toBe(before + 1);
    expect((await place.send({ path: "/once/a" })).answer.status).toBe(200);
  });

  it("because it restarted judges by it again, without a reload (C30)", async () => {
    await using upstream = await startUpstream();
    const first = await startInterceptor(quota());
    await using gateway = await startGateway({
      files: await gatewayFiles(),
      config: configuration({
        upstreams: { main: { endpoints: [upstream.url] } },
        routes: [openRoute("orders")],
        interceptors: [
          interceptorAt(first.port, {
            name: "quota",
            bindings: [{ id: "reserve", phase: "pre-route", mode: "validate", config: { limit: 1, window: "1h" } }],
          }),
        ],
      }),
    });
    const statuses = async () => [
      (await ask(gateway, { path: "/orders/1" })).status,
      (await ask(gateway, { path: "/orders/1" })).status,
    ];
    expect(await statuses()).toEqual([200, 429]);
    await first[Symbol.asyncDispose]();
    await using second = await startInterceptor(quota(), first.port);
    await expect.poll(async () => (await ask(gateway, { path: "/orders/1" })).status, { timeout: 5_000 }).toBe(200);
    expect(second.running.counters().describes).toBeGreaterThan(0);
    // counted by the config it was told again: one request, and no more
    expect((await ask(gateway, { path: "/orders/1" })).status).toBe(429);
  });
});
