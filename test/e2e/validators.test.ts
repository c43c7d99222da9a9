import { allow, binding, defineInterceptor, deny, type Allow, type Deny } from "@sallyport/interceptors-sdk";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { startGateway, type TestGateway } from "../support/start-gateway.ts";
import { gatewayFiles, startInterceptor, type TestInterceptor } from "../support/start-interceptor.ts";
import { startUpstream, type TestUpstream } from "../support/start-upstream.ts";
import { ask, exchangeLine, problemOf, reviewsOf } from "./support/ask.ts";
import { configuration, interceptorAt, openRoute } from "./support/configuration.ts";

const IDS = ["v1", "v2", "v3"] as const;

/** What one validator does with one review; its signal is the SDK's. */
type Act = (signal: AbortSignal) => Allow<never> | Deny | Promise<Allow<never> | Deny>;

/** Stands in for a stopwatch: opens when everybody who is expected has come. */
class Barrier {
  readonly #opened = Promise.withResolvers<void>();
  #missing: number;

  constructor(expected: number) {
    this.#missing = expected;
  }

  arrive(): Promise<void> {
    this.#missing -= 1;
    if (this.#missing === 0) this.#opened.resolve();
    return this.#opened.promise;
  }

  get open(): Promise<void> {
    return this.#opened.promise;
  }
}

const acts = new Map<string, Act>();

const validator = (id: string) =>
  binding({
    phase: "pre-route",
    mode: "validate",
    needs: ["/request/path"],
    review: (_view, { signal }) => acts.get(id)?.(signal) ?? allow(),
  });

const no = (id: string): Deny => deny(403, `denied_by_${id}`, `${id} says no`);

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => (signal.aborted ? resolve() : signal.addEventListener("abort", () => resolve(), { once: true })));

describe("the validators of a phase", () => {
  let upstream: TestUpstream;
  let service: TestInterceptor;
  let gateway: TestGateway;

  beforeAll(async () => {
    upstream = await startUpstream();
    service = await startInterceptor(
      defineInterceptor({ name: "three", bindings: { v1: validator("v1"), v2: validator("v2"), v3: validator("v3") } }),
    );
    const entry = (id: string, rest: object) => ({ id, phase: "pre-route", mode: "validate", ...rest });
    gateway = await startGateway({
      files: await gatewayFiles(),
      config: configuration({
        review_budget: "20s",
        upstreams: { main: { endpoints: [upstream.url] } },
        routes: [openRoute("all")],
        interceptors: [interceptorAt(service.port, { name: "three", bindings: IDS.map((id, order) => entry(id, { order })) })],
      }),
    });
  });

  beforeEach(() => acts.clear());

  afterAll(async () => {
    for (const part of [gateway, service, upstream]) await part?.[Symbol.asyncDispose]();
  });

  it("run concurrently: each answers only after all were called (C4)", async () => {
    const barrier = new Barrier(IDS.length);
    for (const id of IDS) acts.set(id, async () => barrier.arrive().then(() => allow()));
    expect((await ask(gateway, { path: "/all/a" })).status).toBe(200);
  });

  it("behind one that denies are cancelled at once, their signals abort, and those before it are awaited (C4)", async () => {
    const allCalled = new Barrier(IDS.length);
    const release = Promise.withResolvers<void>();
    const cancelled: string[] = [];
    acts.set("v1", async () => {
      await allCalled.arrive();
      await release.promise;
      return allow();
    });
    acts.set("v2", async () => {
      await allCalled.arrive();
      return no("v2");
    });
    acts.set("v3", async (signal) => {
      await allCalled.arrive();
      await aborted(signal);
      cancelled.push("v3");
      // the one in front still holds the answer back: only now is it let go
      release.resolve();
      return allow();
    });
    const reached = upstream.seen.length;
    const answer = await ask(gateway, { path: "/all/a" });
    expect(problemOf(answer)).toMatchObject({ status: 403, code: "denied_by_v2" });
    expect(cancelled).toEqual(["v3"]);
    const reviews = new Map(reviewsOf(await exchangeLine(gateway, answer)).map((review) => [review.binding, review]));
    expect(reviews.get("three/v1")).toMatchObject({ verdict: "allow" });
    expect(reviews.get("three/v2")).toMatchObject({ verdict: "deny" });
    // neither verdict nor failure
    expect(reviews.get("three/v3")).toMatchObject({ cancelled: true });
    expect(upstream.seen).toHaveLength(reached);
  });

  it("are decided by the first deny in binding order, not by the first to arrive (C4)", async () => {
    const third = Promise.withResolvers<void>();
    acts.set("v1", async () => {
      await third.promise;
      return no("v1");
    });
    acts.set("v3", () => {
      third.resolve();
      return no("v3");
    });
    expect(problemOf(await ask(gateway, { path: "/all/a" })).code).toBe("denied_by_v1");
  });

  it("are decided by a deny before any failure, wherever the failure stands (C4)", async () => {
    acts.set("v1", () => {
      throw new Error("broken");
    });
    acts.set("v3", () => no("v3"));
    const answer = await ask(gateway, { path: "/all/a" });
    expect(problemOf(answer).code).toBe("denied_by_v3");
    expect(reviewsOf(await exchangeLine(gateway, answer))).toContainEqual(
      expect.objectContaining({ binding: "three/v1", failure: "invalid" }),
    );
  });

  it("are decided by the first fail-closed failure where nobody denies (C4)", async () => {
    acts.set("v2", () => {
      throw new Error("broken");
    });
    const answer = await ask(gateway, { path: "/all/a" });
    expect(problemOf(answer)).toMatchObject({ status: 502, code: "interceptor_invalid_verdict" });
    expect(await exchangeLine(gateway, answer)).toMatchObject({ decided_by: "three/v2" });
    expect(answer.raw).not.toContain("broken");
  });

  it("are all cancelled when the client leaves, and that is 499, no verdict and no failure (C7)", async () => {
    const barrier = new Barrier(IDS.length);
    const gone = new Barrier(IDS.length);
    for (const id of IDS) {
      acts.set(id, async (signal) => {
        await Promise.all([barrier.arrive(), aborted(signal).then(() => gone.arrive())]);
        return allow();
      });
    }
    const reached = upstream.seen.length;
    const leaving = new AbortController();
    const asking = fetch(`${gateway.url}/all/left`, { signal: leaving.signal }).catch(() => "left");
    await barrier.open;
    leaving.abort();
    expect(await asking).toBe("left");
    await gone.open;
    const line = await gateway.lineWhere(({ event, path }) => event === "exchange" && path === "/all/left");
    expect(line).toMatchObject({ status: 499, outcome: "cancelled", decided_by: "client" });
    expect(reviewsOf(line).map(({ cancelled }) => cancelled)).toEqual([true, true, true]);
    expect(upstream.seen).toHaveLength(reached);
  });
});
