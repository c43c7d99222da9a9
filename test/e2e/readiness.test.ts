import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startGateway, type TestGateway } from "../support/start-gateway.ts";
import { gatewayFiles } from "../support/start-interceptor.ts";
import { startUpstream, type TestUpstream } from "../support/start-upstream.ts";
import { ask, exchangeLine, problemOf, reviewsOf } from "./support/ask.ts";
import { configuration, interceptorAt, openRoute } from "./support/configuration.ts";
import { readMetrics } from "./support/metrics.ts";
import { scripted, type Declares } from "./support/scripted.ts";

const GUARD = { id: "guard", phase: "pre-route", mode: "validate", needs: ["/request/path"] } as const satisfies Declares;

let upstream: TestUpstream;

beforeAll(async () => {
  upstream = await startUpstream();
});

afterAll(() => upstream?.[Symbol.asyncDispose]());

/** A port nobody listens on at the moment. */
async function deadPort(): Promise<number> {
  const service = await scripted([GUARD]);
  await service.service.kill();
  return service.port;
}

/** A gateway with a route `guarded` and another, and one interceptor entry. */
async function gatewayWith(port: number, entry: object, { strict = false } = {}): Promise<TestGateway> {
  return startGateway({
    strict,
    files: await gatewayFiles(),
    config: configuration({
      upstreams: { main: { endpoints: [upstream.url] } },
      routes: [openRoute("guarded"), openRoute("other")],
      interceptors: [interceptorAt(port, { timeout: "2s", ...entry })],
    }),
  });
}

const listed = (rest: object = {}) => ({
  bindings: [{ id: "guard", phase: "pre-route", mode: "validate", match: { routes: ["guarded"] }, ...rest }],
});

const path = (route: string) => ({ path: `/${route}/a` });

async function readiness(gateway: TestGateway) {
  const answer = await fetch(`${gateway.adminUrl}/ready`);
  return {
    code: answer.status,
    ...((await answer.json()) as {
      status: string;
      checks: readonly { name: string; ok: boolean; critical: boolean; reason?: string }[];
    }),
  }; // our own admin listener wrote it
}

const health = async (gateway: TestGateway) => (await fetch(`${gateway.adminUrl}/health`)).status;

describe("an interceptor that is down when the gateway starts", () => {
  it("leaves it live and not ready, its routes 503 and the others served; soon after it comes up all is well (C32)", async () => {
    const port = await deadPort();
    await using gateway = await gatewayWith(port, listed());
    expect(await health(gateway)).toBe(200);
    expect(await readiness(gateway)).toMatchObject({ code: 503, status: "not_ready" });
    expect((await readiness(gateway)).checks).toContainEqual(
      expect.objectContaining({ name: "interceptor/scripted", ok: false, critical: true, reason: expect.stringMatching(/./) }),
    );
    const guarded = await ask(gateway, path("guarded"));
    expect(problemOf(guarded)).toMatchObject({ status: 503, code: "interceptor_unavailable", retryable: true });
    expect(guarded.headers["retry-after"]).toMatch(/^\d+$/);
    expect(upstream.seen.some(({ url }) => url === "/guarded/a")).toBe(false);
    expect((await ask(gateway, path("other"))).status).toBe(200);

    await using service = await scripted([GUARD], undefined, port);
    // asked again every half second at the latest, and a reconnect takes a second at the latest; the rest is for a busy machine
    await expect.poll(() => gateway.running.ready, { timeout: 5_000 }).toBe(true);
    expect(await readiness(gateway)).toMatchObject({ code: 200, status: "ready" });
    expect((await ask(gateway, path("guarded"))).status).toBe(200);
    expect(service.reviews).toHaveLength(1);
  });

  it("makes the gateway refuse to start under --strict, naming it (C32)", async () => {
    const port = await deadPort();
    await expect(gatewayWith(port, listed(), { strict: true })).rejects.toThrow(/interceptor scripted did not answer Describe/);
  });

  it.each([
    ["its binding selects no route", { bindings: [{ id: "guard", phase: "pre-route", mode: "validate" }] }],
    ["its grant is dynamic", { grant: "dynamic" }],
  ])("guards every route where %s (C32)", async (_what, entry) => {
    await using gateway = await gatewayWith(await deadPort(), entry);
    expect(await readiness(gateway)).toMatchObject({ code: 503 });
    for (const route of ["guarded", "other"])
      expect(problemOf(await ask(gateway, path(route))).code).toBe("interceptor_unavailable");
    // what no route matches is none of its business
    expect((await ask(gateway, path("nowhere"))).status).toBe(404);
  });

  it("is unavailable, logged and counted, where its bindings are fail-open: the gateway is ready without it (C32)", async () => {
    const port = await deadPort();
    await using gateway = await gatewayWith(port, listed({ failure_policy: "fail-open" }));
    expect(await readiness(gateway)).toMatchObject({ code: 200, status: "degraded" });
    const answer = await ask(gateway, path("guarded"));
    expect(answer.status).toBe(200);
    expect(reviewsOf(await exchangeLine(gateway, answer))).toEqual([
      expect.objectContaining({ failure: "unavailable", reason: "not_described" }),
    ]);
    const labels = { interceptor: "scripted", binding: "guard", phase: "pre-route" };
    const read = await readMetrics(gateway);
    expect([
      read("sallyport_review_fail_open_total", labels),
      read("sallyport_reviews_total", { ...labels, outcome: "unavailable" }),
    ]).toEqual([1, 1]);

    await using service = await scripted([GUARD], undefined, port);
    await expect.poll(async () => (await readiness(gateway)).status, { timeout: 5_000 }).toBe("ready");
    await ask(gateway, path("guarded"));
    expect(service.reviews).toHaveLength(1);
  });

  it("that comes up without a binding the operator lists keeps its routes closed, and the log says why once (C30, C32)", async () => {
    const port = await deadPort();
    await using gateway = await gatewayWith(port, listed());
    await using service = await scripted([{ ...GUARD, id: "another" }], undefined, port);
    const line = await gateway.lineWhere(({ event }) => event === "manifest_refused");
    expect(JSON.stringify(line["issues"])).toMatch(/declares no binding \\"guard\\"/);
    expect(problemOf(await ask(gateway, path("guarded"))).code).toBe("interceptor_unavailable");
    expect(await readiness(gateway)).toMatchObject({ code: 503 });
    expect((await ask(gateway, path("other"))).status).toBe(200);
    expect(gateway.lines.filter(({ event }) => event === "manifest_refused")).toHaveLength(1);
    expect(service.reviews).toEqual([]);
  });
});

describe("an interceptor that goes down later", () => {
  it("never makes the gateway un-ready: its routes answer 503, the others are served, and it comes back by itself (C32)", async () => {
    const service = await scripted([GUARD]);
    await using gateway = await gatewayWith(service.port, listed());
    expect((await ask(gateway, path("guarded"))).status).toBe(200);
    await service.service.kill();
    const refused = await ask(gateway, path("guarded"));
    expect(problemOf(refused)).toMatchObject({ status: 503, code: "interceptor_unavailable" });
    expect((await ask(gateway, path("other"))).status).toBe(200);
    expect(await readiness(gateway)).toMatchObject({ code: 200 });
    await using again = await scripted([GUARD], undefined, service.port);
    await expect.poll(async () => (await ask(gateway, path("guarded"))).status, { timeout: 5_000 }).toBe(200);
    expect(again.reviews).toHaveLength(1);
  });

  it("is shown as a degraded check while it is away (C32)", async () => {
    const service = await scripted([GUARD]);
    await using gateway = await gatewayWith(service.port, listed());
    await service.service.kill();
    expect((await ask(gateway, path("guarded"))).status).toBe(503);
    await expect.poll(async () => (await readiness(gateway)).status, { timeout: 5_000 }).toBe("degraded");
  });
});
