import { METHODS } from "@sallyport/contract/wire.ts";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { grpcReviewClient, type GrpcReviewClient } from "../../../../src/adapters/review/grpc-review-client.ts";
import { systemClock } from "../../../../src/adapters/system/clock.ts";
import { CancelSource } from "../../../../src/model/cancel.ts";
import type { BindingPlan } from "../../../../src/model/plan.ts";
import { bindingPlan } from "../../../support/binding-plan.ts";
import { exchangeOf } from "../../../support/exchange.ts";
import { MemoryLog } from "../../../support/memory-log.ts";
import { allowing, describing, testInterceptor, type Reply, type TestInterceptor } from "../../../support/test-interceptor.ts";

const SUBJECT = {
  exchange: exchangeOf(),
  route: { name: "main", labels: {} },
  requestBody: undefined,
  responseBody: undefined,
  outcome: undefined,
};

const TIMEOUT_MS = 200;

/** Longer than a handful of reviews that are refused at once take on a busy machine. */
const OPEN_MS = 700;

const PATIENTLY = { interval: 20, timeout: 8_000 };

const LIMITS = { ...bindingPlan().limits, timeoutMs: TIMEOUT_MS };

let parts: AsyncDisposableStack;
let service: TestInterceptor;
let reply: (reviewId: string) => Reply;

beforeEach(async () => {
  parts = new AsyncDisposableStack();
  reply = allowing;
  service = parts.use(await testInterceptor(describing({}, ({ reviewId }) => reply(reviewId))));
});

afterEach(() => parts.disposeAsync());

/** A client of the service whose breaker opens after three failures. */
function client({ failures = 3, maxConcurrentReviews = 8, log = new MemoryLog() } = {}): GrpcReviewClient {
  const { port } = service;
  return parts.use(
    grpcReviewClient(
      {
        name: "tenancy",
        endpoints: [{ kind: "grpc", host: "127.0.0.1", port, url: `grpc://127.0.0.1:${port}` }],
        breaker: { failures, openMs: OPEN_MS },
        tls: undefined,
        gatewayId: "gw",
        gatewayVersion: "0.0.0",
        maxConcurrentReviews,
        maxPendingReviews: 8,
      },
      { clock: systemClock(), log },
    ),
  );
}

function asking(from: GrpcReviewClient, binding: Partial<BindingPlan> = {}) {
  const review = from.reviewer(bindingPlan({ limits: LIMITS, ...binding }), { headers: new Set(), query: new Set() });
  return async (grantMs = TIMEOUT_MS) => {
    const answer = await review(SUBJECT, { reviewId: "r", grantMs, cancel: new CancelSource() });
    return answer.ok ? answer.value.kind : (answer.error.reason ?? answer.error.kind);
  };
}

const HANG: Reply = { kind: "hang" };
const status = (code: number): Reply => ({ kind: "status", code });

/** What so many reviews came to, one after the other. */
async function several(count: number, ask: () => Promise<string>): Promise<readonly string[]> {
  const answers: string[] = [];
  for (let time = 0; time < count; time += 1) answers.push(await ask());
  return answers;
}

describe("an endpoint that fails again and again", () => {
  it.each([
    ["does not answer within the timeout", HANG, "timeout"],
    ["answers UNAVAILABLE", status(14), "unavailable"],
    ["answers DEADLINE_EXCEEDED", status(4), "timeout"],
    ["refuses our calls", status(16), "unavailable"],
  ])("is asked no more where it %s, until one review that tries is answered (C15)", async (_what, failing, kind) => {
    const log = new MemoryLog();
    const from = client({ log });
    const ask = asking(from);
    expect(await ask()).toBe("allow");
    reply = () => failing;
    expect(await several(3, ask)).toEqual([kind, kind, kind]);
    const reviewed = (): number => service.calls.filter(({ method }) => method === METHODS.review).length;
    const asked = reviewed();
    expect(await several(5, ask)).toEqual(Array.from({ length: 5 }, () => "breaker_open"));
    expect(reviewed()).toBe(asked);
    expect(log.events.filter((event) => event.startsWith("breaker"))).toEqual(["breaker_opened"]);
    reply = allowing;
    await expect.poll(() => ask(), PATIENTLY).toBe("allow");
    expect(log.events.at(-1)).toBe("breaker_closed");
  });

  it.each([
    ["says nonsense", () => ({ kind: "message", bytes: Uint8Array.of(255) }) satisfies Reply, "undecodable"],
    ["is overloaded", () => status(8), "overloaded"],
    ["does not know its config, for which it is described again", () => status(9), "unavailable"],
  ])("is asked on where it %s", async (_what, failing, kind) => {
    const ask = asking(client());
    expect(await ask()).toBe("allow");
    reply = failing;
    expect(await several(6, ask)).toEqual(Array.from({ length: 6 }, () => kind));
  });

  it("is not blamed for what there was no time for", async () => {
    const ask = asking(client());
    expect(await ask()).toBe("allow");
    reply = () => HANG;
    expect(await several(6, () => ask(TIMEOUT_MS / 2))).toEqual(Array.from({ length: 6 }, () => "timeout"));
  });

  it("is asked for ever where the operator turned the breaker off", async () => {
    const ask = asking(client({ failures: 0 }));
    reply = () => status(14);
    expect(await several(20, ask)).toEqual(Array.from({ length: 20 }, () => "unavailable"));
  });

  it("is not blamed for a connection that was lost, with however many reviews: those that may be are asked again over the next", async () => {
    const log = new MemoryLog();
    const from = client({ log });
    const ask = asking(from, { idempotent: true, limits: { ...LIMITS, timeoutMs: 5_000 } });
    expect(await ask(5_000)).toBe("allow");
    let held = 0;
    reply = (reviewId) => {
      held += 1;
      if (held > 8) return allowing(reviewId);
      return held === 8 ? { kind: "cut" } : HANG;
    };
    const answers = Array.from({ length: 8 }, () => ask(5_000));
    expect(await Promise.all(answers)).toEqual(Array.from({ length: 8 }, () => "allow"));
    expect(log.events).not.toContain("breaker_opened");
  });

  it("is connected to anew, since the connection may be dead without anybody having said so", async () => {
    const from = client();
    const ask = asking(from);
    await ask();
    expect(service.connections).toBe(1);
    reply = () => HANG;
    await several(3, ask);
    await expect.poll(() => service.connections, PATIENTLY).toBe(2);
    await expect.poll(() => from.status().endpoints[0]?.state, PATIENTLY).toMatch(/open/);
  });

  it("is neither tried nor blamed by observers and shadows, who hear that it is closed to them", async () => {
    const from = client();
    const deciding = asking(from);
    const shadow = asking(from, { enforcement: "shadow" });
    expect(await shadow()).toBe("allow");
    reply = () => status(14);
    expect(await several(6, shadow)).toEqual(Array.from({ length: 6 }, () => "unavailable"));
    await several(3, deciding);
    await expect.poll(() => from.status().endpoints[0]?.state, PATIENTLY).toBe("half-open");
    expect(await shadow()).toBe("breaker_open");
  });
});

describe("shadow reviews", () => {
  it("have places of their own, a quarter of those that decide, and take none of theirs", async () => {
    const from = client({ failures: 0, maxConcurrentReviews: 4 });
    const [deciding, shadow] = [asking(from), asking(from, { enforcement: "shadow" })];
    expect(await deciding()).toBe("allow");
    reply = () => HANG;
    const shadows = Array.from({ length: 20 }, () => shadow(600));
    await expect.poll(() => from.status().endpoints[0]?.inFlight).toBe(1);
    const deciders = Array.from({ length: 4 }, () => deciding(600));
    await expect.poll(() => from.status().endpoints[0]?.inFlight).toBe(5);
    expect(await Promise.all(deciders)).toEqual(["timeout", "timeout", "timeout", "timeout"]);
    const ended = await Promise.all(shadows);
    // those that waited for it got nothing of the others' places; some may get in as it ends
    expect(ended.every((each) => each === "timeout" || each === "queue_expired")).toBe(true);
  });
});
