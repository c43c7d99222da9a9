import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { ReviewRequest } from "@sallyport/contract/gen/sallyport/interceptor/v1/interceptor.ts";
import { quota } from "../../examples/interceptors/quota/quota.ts";
import { startGateway } from "../support/start-gateway.ts";
import { gatewayFiles, startInterceptor } from "../support/start-interceptor.ts";
import { startUpstream } from "../support/start-upstream.ts";
import { ask, problemOf } from "./support/ask.ts";
import { configuration, interceptorAt, openRoute } from "./support/configuration.ts";
import { readMetrics } from "./support/metrics.ts";
import { response } from "./support/recording-upstream.ts";
import { house, type House, type Row } from "./support/reviewed.ts";
import { byBinding, denying, patching } from "./support/scripted.ts";

const REQUEST_NEEDS = ["/request", "/labels", "/outcome"];

const observer = (id: string, phase: "pre-auth" | "pre-route" | "post-response"): Row => ({
  declares: {
    id,
    phase,
    mode: "observe",
    needs: [
      ...REQUEST_NEEDS,
      ...(phase === "pre-auth" ? [] : ["/principal"]),
      ...(phase === "post-response" ? ["/response"] : []),
    ],
    body: "json",
  },
});

describe("observers", () => {
  let place: House;
  let answered = "";

  beforeAll(async () => {
    place = await house(
      [
        {
          declares: {
            id: "stamp",
            phase: "pre-route",
            mode: "mutate",
            needs: ["/request/path"],
            writes: ["/request/headers/x-stamp", "/labels/team"],
          },
        },
        {
          declares: {
            id: "after",
            phase: "post-response",
            mode: "mutate",
            needs: ["/response/status"],
            writes: ["/response/headers/x-after"],
          },
        },
        observer("watch-early", "pre-auth"),
        observer("watch", "pre-route"),
        observer("watch-late", "post-response"),
      ],
      {
        respond: () => answered,
        sections: {
          routes: [openRoute("all"), openRoute("lost", { upstream: "nobody" })],
          upstreams: { nobody: { endpoints: ["http://127.0.0.1:1"] } },
        },
      },
    );
  });

  beforeEach(() => {
    answered = response('{"answer":1.0}', { status: 201, headers: ["Content-Type: application/json", "X-Kind: fine"] });
    place.service.answers = byBinding({
      stamp: ({ reviewId }) =>
        patching(reviewId, [
          { op: "add", path: "/request/headers/x-stamp", value: "seen" },
          { op: "add", path: "/labels/team", value: "blue" },
        ]),
      after: ({ reviewId }) => patching(reviewId, [{ op: "add", path: "/response/headers/x-after", value: "seen" }]),
    });
  });

  afterAll(() => place?.[Symbol.asyncDispose]());

  /** What an observer was told of the exchange with this path, once it has been; `undefined` where it was not by the time `before` was. */
  const told = (id: string, path: string): ReviewRequest | undefined =>
    place.service.reviews.find(({ bindingId, view }) => bindingId === id && view?.request?.path === path);

  async function toldOf(id: string, path: string): Promise<ReviewRequest> {
    await expect.poll(() => told(id, path), { timeout: 5_000 }).toBeDefined();
    const found = told(id, path);
    if (found === undefined) throw new Error("it was there a moment ago");
    return found;
  }

  const headersOf = (headers: readonly { readonly name: string; readonly value: string }[] = []) =>
    Object.fromEntries(headers.map(({ name, value }) => [name, value]));

  it("are told after the exchange what their phase settled, and how it ended (C29)", async () => {
    const { answer } = await place.send({
      method: "POST",
      path: "/all/told",
      headers: [["Content-Type", "application/json"]],
      body: '{"question":1e5}',
    });
    expect(answer.status).toBe(201);
    const early = await toldOf("watch-early", "/all/told");
    expect(headersOf(early.view?.request?.headers)["x-stamp"]).toBeUndefined();
    const settled = await toldOf("watch", "/all/told");
    expect(headersOf(settled.view?.request?.headers)["x-stamp"]).toBe("seen");
    expect(settled.view?.labels).toEqual([{ name: "team", value: "blue" }]);
    expect(settled.view?.request?.body?.content).toEqual({ $case: "json", value: '{"question":1e5}' });
    expect(settled.view?.response).toBeUndefined();
    const late = await toldOf("watch-late", "/all/told");
    expect(late.view?.response?.status).toBe(201);
    expect(headersOf(late.view?.response?.headers)).toMatchObject({ "x-kind": "fine", "x-after": "seen" });
    expect(late.view?.response?.body?.content).toEqual({ $case: "json", value: '{"answer":1.0}' });
    for (const review of [early, settled, late]) {
      expect(review.view?.outcome).toMatchObject({
        status: 201,
        decidedBy: "upstream",
        failure: "",
        open: false,
        bytes: BigInt(answer.body.byteLength),
      });
    }
  });

  it("of a phase that began and ended the exchange are told of the request and the denial, those of later phases nothing (C29)", async () => {
    place.service.answers = byBinding({ stamp: ({ reviewId }) => denying(reviewId) });
    await place.send({ path: "/all/denied" });
    const { view } = await toldOf("watch", "/all/denied");
    expect(view?.outcome).toMatchObject({ status: 403, decidedBy: "scripted/stamp", failure: "not_today" });
    expect((await toldOf("watch-early", "/all/denied")).view?.outcome?.status).toBe(403);
    // enqueued together: what was not told with these is not told
    expect(told("watch-late", "/all/denied")).toBeUndefined();
  });

  it("are told of an upstream that could not be reached (C29)", async () => {
    await place.send({ path: "/lost/a" });
    expect((await toldOf("watch", "/lost/a")).view?.outcome).toMatchObject({ status: 502, failure: "upstream_unreachable" });
  });

  it("hold nothing up: the answer is out while every observer hangs (C29)", async () => {
    place.service.answers = byBinding({
      "watch-early": () => ({ kind: "hang" }),
      watch: () => ({ kind: "hang" }),
      "watch-late": () => ({ kind: "hang" }),
    });
    const { answer, line } = await place.send({ path: "/all/hung" });
    expect(answer.status).toBe(201);
    expect(line["outcome"]).toBe("forwarded");
  });

  it("cannot change the answer by a denial or a patch (C29)", async () => {
    place.service.answers = byBinding({
      watch: ({ reviewId }) => denying(reviewId),
      "watch-early": ({ reviewId }) => patching(reviewId, [{ op: "add", path: "/labels/a", value: "x" }]),
    });
    expect((await place.send({ path: "/all/powerless" })).answer.status).toBe(201);
    await toldOf("watch", "/all/powerless");
    expect((await place.send({ path: "/all/powerless" })).answer.status).toBe(201);
  });
});

describe("the quota example", () => {
  it("spends before the upstream acts, and settles afterwards: what brought nothing is given back, what was answered is not (C29)", async () => {
    let status = 503;
    await using upstream = await startUpstream((_request, answer) => answer.writeHead(status).end());
    await using service = await startInterceptor(quota());
    await using gateway = await startGateway({
      files: { ...(await gatewayFiles()), "ops.token": "a-token-of-ops-00000000000000000" },
      config: configuration({
        upstreams: { main: { endpoints: [upstream.url] } },
        authenticators: { ops: { type: "static-token", token_file: "ops.token", principal: { id: "ops" } } },
        routes: [openRoute("orders", { authenticate: ["ops"] })],
        interceptors: [
          interceptorAt(service.port, {
            name: "quota",
            bindings: [
              { id: "reserve", phase: "pre-route", mode: "validate", config: { limit: 2, window: "1h" } },
              { id: "settle", phase: "pre-route", mode: "observe" },
            ],
          }),
        ],
      }),
    });
    const send = () =>
      ask(gateway, { path: "/orders/1", headers: [["Authorization", "Bearer a-token-of-ops-00000000000000000"]] });
    const settled = async (): Promise<number> =>
      (await readMetrics(gateway))("sallyport_reviews_total", {
        interceptor: "quota",
        binding: "settle",
        phase: "pre-route",
        outcome: "allow",
      });
    // failures of the upstream, twice as many as the quota allows
    for (let failed = 1; failed <= 4; failed += 1) {
      expect((await send()).status).toBe(503);
      await expect.poll(settled, { timeout: 5_000 }).toBe(failed);
    }
    status = 200;
    expect((await send()).status).toBe(200);
    expect((await send()).status).toBe(200);
    const refused = await send();
    expect(problemOf(refused)).toMatchObject({ status: 429, code: "quota_exceeded", retryable: true });
    expect(Number(refused.headers["retry-after"])).toBeGreaterThan(0);
    expect(upstream.seen).toHaveLength(6);
  });
});
