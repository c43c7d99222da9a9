import { Manifest as WireManifest } from "@sallyport/contract/gen/sallyport/interceptor/v1/interceptor.ts";
import { expect, it } from "vitest";
import { CancelSource } from "../../../src/model/cancel.ts";
import { bindingPlan } from "../../support/binding-plan.ts";
import { Events } from "../../support/events.ts";
import { allowing, describing, testInterceptor } from "../../support/test-interceptor.ts";
import { allowAll, callOf, HIDDEN, SUBJECT, type Connect } from "./client-under-test.ts";

/** Describe, reconnecting, closing. */
export function keepsConnected(connect: Connect): void {
  it("carries the ids of the exchange with its reviews, and with nothing else", async () => {
    await using service = await testInterceptor(describing(WireManifest.fromPartial({}), ({ reviewId }) => allowing(reviewId)));
    await using client = connect(service);
    await client.describe([], { deadlineMs: 5_000, cancel: new CancelSource() });
    for (const correlationId of ["one", "x".repeat(128)]) {
      const ids = { ...SUBJECT.exchange.ids, correlationId };
      const subject = { ...SUBJECT, exchange: { ...SUBJECT.exchange, ids } };
      expect(await client.reviewer(bindingPlan(), HIDDEN)(subject, callOf())).toMatchObject({ ok: true });
    }
    expect(service.calls.map(({ headers }) => [headers["traceparent"], headers["x-correlation-id"]])).toEqual([
      [undefined, undefined],
      [SUBJECT.exchange.ids.traceparent, "one"],
      [SUBJECT.exchange.ids.traceparent, "x".repeat(128)],
    ]);
  });

  it("describes: tells the service its configs, and gives its manifest", async () => {
    await using service = await testInterceptor(
      describing(
        WireManifest.fromPartial({
          name: "tenancy",
          version: "1.2",
          bindings: [{ id: "assign", phase: 2, mode: 3, needs: ["/request/path"], writes: ["/labels/tenant"], body: 1 }],
        }),
        ({ reviewId }) => allowing(reviewId),
      ),
    );
    await using client = connect(service);
    const config = {
      bindingId: "assign",
      phase: "pre-route",
      configJson: "{}",
      configDigest: "abc",
      maxPatches: 32,
      maxResponseBytes: 1000,
      timeoutMs: 500,
    } as const;
    expect(await client.describe([config], { deadlineMs: 5_000, cancel: new CancelSource() })).toEqual({
      ok: true,
      value: {
        name: "tenancy",
        version: "1.2",
        expectedAudience: "",
        stateScope: "none",
        revokes: false,
        bindings: [
          {
            id: "assign",
            phase: "pre-route",
            mode: "mutate",
            selector: { methods: [], hosts: [], paths: [] },
            needs: ["/request/path"],
            writes: ["/labels/tenant"],
            ownsHeaders: [],
            cacheable: false,
            idempotent: false,
            body: "json",
            failClosed: false,
          },
        ],
      },
    });
  });

  it.each([
    [
      "a manifest that asks for the impossible",
      {
        kind: "message",
        bytes: WireManifest.encode(
          WireManifest.fromPartial({ bindings: [{ id: "a", phase: 1, mode: 3, needs: ["/principal"] }] }),
        ).finish(),
      },
      { kind: "invalid", reason: "contract" },
    ],
    ["bytes that are no manifest", { kind: "message", bytes: Buffer.from([0xff]) }, { kind: "invalid", reason: "undecodable" }],
    [
      "a manifest of two megabytes",
      { kind: "message", bytes: new Uint8Array(2_000_000) },
      { kind: "invalid", reason: "too_large" },
    ],
    ["a service without Describe", { kind: "status", code: 12 }, { kind: "invalid" }],
    ["a service that hangs", { kind: "hang" }, { kind: "timeout" }],
  ] as const)("fails to describe on %s", async (_what, reply, failure) => {
    await using service = await testInterceptor(() => reply);
    await using client = connect(service);
    expect(await client.describe([], { deadlineMs: 300, cancel: new CancelSource() })).toMatchObject({
      ok: false,
      error: failure,
    });
  });

  it("asks to be described again when the service refuses a config, once for many refusals", async () => {
    await using service = await testInterceptor(describing({}, () => ({ kind: "status", code: 9, details: "unknown config" })));
    await using client = connect(service);
    await client.describe([], { deadlineMs: 5_000, cancel: new CancelSource() });
    const asked = new Events();
    client.onDescribeAgain(asked.add);
    const ask = client.reviewer(bindingPlan(), HIDDEN);
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask(SUBJECT, callOf())));
    expect(answers.every((answer) => !answer.ok && answer.error.kind === "unavailable")).toBe(true);
    await asked.reach(1);
    expect(asked.count).toBe(1);
  });

  it("comes back within two seconds of a restarted service, and asks to describe it again", async () => {
    const first = await testInterceptor(allowAll);
    await using client = connect(first);
    await client.describe([], { deadlineMs: 5_000, cancel: new CancelSource() });
    const asked = new Events();
    const forget = client.onDescribeAgain(asked.add);
    const ask = client.reviewer(bindingPlan(), HIDDEN);
    expect(await ask(SUBJECT, callOf())).toMatchObject({ ok: true });
    await first.kill();
    const startedMs = performance.now();
    expect(await ask(SUBJECT, callOf())).toMatchObject({ ok: false, error: { kind: "unavailable" } });
    // quickly: nobody waits for a grant to end
    expect(performance.now() - startedMs).toBeLessThan(1_000);
    await using second = await testInterceptor(allowAll, { port: first.port });
    await asked.reach(1, 2_000);
    expect(await ask(SUBJECT, callOf())).toMatchObject({ ok: true });
    expect(second.calls).toHaveLength(1);
    forget();
  });

  it("fails what comes after it was closed, and finishes what is in flight", async () => {
    const arrived = new Events();
    await using service = await testInterceptor(
      describing({}, ({ reviewId }) => {
        arrived.add();
        return { kind: "later", afterMs: 100, reply: allowing(reviewId) };
      }),
    );
    const client = connect(service);
    const ask = client.reviewer(bindingPlan(), HIDDEN);
    const inFlight = ask(SUBJECT, callOf());
    await arrived.reach(1);
    await client[Symbol.asyncDispose]();
    expect(await ask(SUBJECT, callOf())).toMatchObject({ ok: false, error: { kind: "unavailable" } });
    expect(await inFlight).toMatchObject({ ok: true });
  });
}
