import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { allowing } from "../support/test-interceptor.ts";
import { openRoute } from "./support/configuration.ts";
import { readMetrics } from "./support/metrics.ts";
import { reviewed, type Reviewed, type Row } from "./support/reviewed.ts";
import { byBinding, denying, patching, type Answers } from "./support/scripted.ts";

const WHAT: Readonly<Record<string, Answers>> = {
  denies: ({ reviewId }) => denying(reviewId),
  hangs: () => ({ kind: "hang" }),
  breaks: () => ({ kind: "message", bytes: new Uint8Array([0xff, 0xff]) }),
  patches: ({ reviewId }) => patching(reviewId, [{ op: "add", path: "/request/headers/x-shadow", value: "seen" }]),
  oversteps: ({ reviewId }) => patching(reviewId, [{ op: "add", path: "/request/headers/x-forbidden", value: "seen" }]),
};

const shadowed = (id: string, operator: Readonly<Record<string, unknown>> = {}): Row => ({
  declares: {
    id,
    phase: "pre-route",
    mode: "mutate",
    needs: ["/request"],
    writes: ["/request/headers/x-shadow"],
    ownsHeaders: ["x-shadow"],
    body: "text",
  },
  operator: { enforcement: "shadow", timeout: "300ms", ...operator },
});

/** Without what differs from one exchange to the next. */
const still = (raw: string): string => raw.replaceAll(/^(date|traceparent|x-request-id|x-correlation-id): .*\r\n/gim, "");

describe("a shadow binding over real sockets (C33)", () => {
  let place: Reviewed;

  beforeAll(async () => {
    place = await reviewed([...Object.keys(WHAT).map((id) => shadowed(id)), shadowed("some", { percent: 30 })], {
      sections: { routes: [openRoute("free")] },
    });
    place.service.answers = byBinding(WHAT);
  });

  afterAll(() => place?.[Symbol.asyncDispose]());

  const count = async (binding: string, outcome: string): Promise<number> =>
    (await readMetrics(place.gateway))("sallyport_shadow_reviews_total", {
      interceptor: "scripted",
      binding,
      phase: "pre-route",
      outcome,
    });

  it.each([
    ["denies", "deny"],
    ["hangs", "timeout"],
    ["breaks", "invalid"],
    ["patches", "allow"],
    ["oversteps", "invalid"],
  ])("that %s changes no byte for the upstream or the client, and is counted as %s", async (id, outcome) => {
    const asking = {
      method: "POST",
      path: `/${id}/x`,
      headers: [
        ["X-Shadow", "from the client"],
        ["Accept-Encoding", "gzip"],
      ],
      body: "hello",
    } as const;
    const tried = await place.send(asking);
    const bare = await place.sendBare(asking);
    expect(still(tried.answer.raw)).toBe(still(bare.answer.raw));
    expect(tried.seen.map(still)).toEqual(bare.seen.map(still));
    expect(tried.seen).toHaveLength(1);
    await expect.poll(() => count(id, outcome), { timeout: 5_000 }).toBe(1);
    const review = place.service.reviews.find(({ bindingId }) => bindingId === id);
    expect(review?.view?.request?.body?.content).toEqual({ $case: "text", value: "hello" });
    const metric = await readMetrics(place.gateway);
    expect(metric("sallyport_reviews_total", { interceptor: "scripted", binding: id, phase: "pre-route", outcome })).toBe(0);
  });

  it("waits for nobody: a service that hangs adds nothing to the exchange", async () => {
    const { line } = await place.send({ path: "/hangs/quick" });
    expect(line["status"]).toBe(200);
    expect(JSON.stringify(line)).not.toContain("scripted/hangs");
  });

  it("with a share is asked of the same exchanges by any gateway: those whose request id falls in it", async () => {
    for (let i = 0; i < 20; i += 1) await place.send({ path: "/some/x" });
    const asked = (): number => place.service.reviews.filter(({ bindingId }) => bindingId === "some").length;
    await expect.poll(() => count("some", "allow")).toBe(asked());
    expect(asked()).toBeLessThan(20);
  });
});

describe("readiness (C32, C33)", () => {
  it("is not held up by a service that is only in shadow, and its routes are open", async () => {
    await using place = await reviewed([shadowed("absent")], { interceptor: { endpoint: "grpcs://127.0.0.1:1" } });
    expect((await place.send({ path: "/absent/x" })).answer.status).toBe(200);
    expect((await fetch(`${place.gateway.adminUrl}/readyz`)).status).toBe(200);
  });

  it("is held up by the same binding when it enforces", async () => {
    await using place = await reviewed([shadowed("absent", { enforcement: "enforce" })], {
      interceptor: { endpoint: "grpcs://127.0.0.1:1" },
    });
    place.service.answers = ({ reviewId }) => allowing(reviewId);
    expect((await place.send({ path: "/absent/x" })).answer.status).toBe(503);
  });
});
