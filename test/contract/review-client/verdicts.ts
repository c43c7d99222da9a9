import { constants } from "node:http2";
import { Verdict as WireVerdict } from "@sallyport/contract/gen/sallyport/interceptor/v1/interceptor.ts";
import { expect, it } from "vitest";
import { bindingPlan } from "../../support/binding-plan.ts";
import { allowing, describing, testInterceptor, verdict, type Reply } from "../../support/test-interceptor.ts";
import { allowAll, callOf, review, type Connect } from "./client-under-test.ts";

/** Answers, well and badly made. */
export function givesVerdicts(connect: Connect): void {
  it("gives the verdict of the service", async () => {
    await using service = await testInterceptor(
      describing({}, ({ reviewId }) =>
        verdict(
          { kind: "deny", status: 403, code: "no", message: "not today", headers: [], annotations: [], warnings: [] },
          reviewId,
        ),
      ),
    );
    await using client = connect(service);
    expect(await review(client)).toMatchObject({
      ok: true,
      value: { kind: "deny", status: 403, code: "no", message: "not today" },
    });
    service.script = allowAll;
    expect(await review(client)).toMatchObject({ ok: true, value: { kind: "allow", patches: [] } });
  });

  it("tells the service how much time it has", async () => {
    await using service = await testInterceptor(allowAll);
    await using client = connect(service);
    await review(client, bindingPlan(), callOf({ grantMs: 3_000 }));
    const [, amount = "", unit] = /^(\d+)([mun]|S|M|H)$/.exec(service.calls[0]?.headers["grpc-timeout"] ?? "") ?? [];
    expect(unit).toBe("m");
    expect(Number(amount)).toBeGreaterThan(1_000);
    expect(Number(amount)).toBeLessThanOrEqual(3_000);
  });

  it.each<readonly [string, Reply | ((reviewId: string) => Reply), object]>([
    [
      "bytes that are no message",
      { kind: "message", bytes: Buffer.from([0xff, 0xff, 0xff]) },
      { kind: "invalid", reason: "undecodable" },
    ],
    [
      "text that is not UTF-8",
      { kind: "message", bytes: Buffer.from([0x0a, 2, 0xc3, 0x28, 0x12, 0]) },
      { kind: "invalid", reason: "undecodable" },
    ],
    ["an empty message", { kind: "message", bytes: new Uint8Array() }, { kind: "invalid", reason: "contract" }],
    ["another review's verdict", allowing("another"), { kind: "invalid", reason: "contract" }],
    ["no message at all", { kind: "messages", list: [] }, { kind: "invalid", reason: "contract" }],
    ["a frame that claims to be longer than it is", { kind: "raw", bytes: Buffer.from([0, 0, 0, 0, 9, 1]) }, { kind: "invalid" }],
    [
      "a frame that claims four gigabytes",
      { kind: "raw", bytes: Buffer.from([0, 255, 255, 255, 255, 1]) },
      { kind: "invalid", reason: "too_large" },
    ],
    ["a compressed frame nobody announced", { kind: "raw", bytes: Buffer.from([1, 0, 0, 0, 1, 1]) }, { kind: "invalid" }],
    [
      "a message without trailers",
      (reviewId) => ({ kind: "half", bytes: WireVerdict.encode(WireVerdict.fromPartial({ reviewId, allow: {} })).finish() }),
      { kind: "invalid" },
    ],
    [
      "a valid verdict, then a reset",
      (reviewId) => ({
        kind: "reset",
        code: constants.NGHTTP2_INTERNAL_ERROR,
        after: WireVerdict.encode(WireVerdict.fromPartial({ reviewId, allow: {} })).finish(),
      }),
      { kind: "invalid" },
    ],
    ["a stream that is cancelled", { kind: "reset", code: constants.NGHTTP2_CANCEL }, { kind: "unavailable" }],
    ["a connection that is cut", { kind: "cut" }, { kind: "unavailable" }],
    ["an HTTP error", { kind: "http", status: 502 }, { kind: "unavailable" }],
    ["an HTTP page", { kind: "http", status: 404 }, { kind: "invalid" }],
    ["a status that refuses the call", { kind: "status", code: 7, details: "who are you?" }, { kind: "unavailable" }],
    ["a status of an overloaded service", { kind: "status", code: 8, details: "busy" }, { kind: "overloaded" }],
    ["a status that nobody knows", { kind: "status", code: 99 }, { kind: "invalid", reason: "contract" }],
  ])("makes one failure of %s", async (_what, reply, failure) => {
    await using service = await testInterceptor(
      describing({}, ({ reviewId }) => (typeof reply === "function" ? reply(reviewId) : reply)),
    );
    await using client = connect(service);
    expect(await review(client)).toMatchObject({ ok: false, error: failure });
  });

  it("takes exactly one message", async () => {
    await using service = await testInterceptor(
      describing({}, ({ reviewId }) => {
        const bytes = WireVerdict.encode(WireVerdict.fromPartial({ reviewId, allow: {} })).finish();
        return { kind: "messages", list: [bytes, bytes] };
      }),
    );
    await using client = connect(service);
    expect(await review(client)).toMatchObject({ ok: false, error: { kind: "invalid", reason: "contract" } });
  });

  it("checks a verdict's size before it decodes it, by the limit of the binding", async () => {
    const maxResponseBytes = 2_000;
    const sized = (bytes: number) => (reviewId: string) => {
      const message = WireVerdict.encode(WireVerdict.fromPartial({ reviewId, allow: {}, warnings: [] })).finish();
      // an unknown field of a newer contract fills it up
      const filler = Buffer.concat([
        Buffer.from([0x82, 0x7d]),
        varint(bytes - message.length - 4),
        Buffer.alloc(bytes - message.length - 4, 1),
      ]);
      return Buffer.concat([message, filler]);
    };
    await using service = await testInterceptor(
      describing({}, ({ reviewId, bindingId }) => ({
        kind: "message",
        bytes: sized(bindingId === "fits" ? 2_000 : 2_001)(reviewId),
      })),
    );
    await using client = connect(service);
    const limits = { ...bindingPlan().limits, maxResponseBytes };
    expect(await review(client, bindingPlan({ id: "fits", limits }))).toMatchObject({ ok: true });
    expect(await review(client, bindingPlan({ id: "large", limits }))).toMatchObject({
      ok: false,
      error: { kind: "invalid", reason: "too_large" },
    });
  });

  it("takes verdicts as large as the binding allows, beyond the default", async () => {
    await using service = await testInterceptor(
      describing({}, ({ reviewId }) =>
        verdict(
          {
            kind: "allow",
            patches: [{ op: "add", path: "/request/body", value: "x".repeat(3_000_000) }],
            annotations: [],
            warnings: [],
          },
          reviewId,
        ),
      ),
    );
    await using client = connect(service);
    const { limits } = bindingPlan();
    expect(await review(client, bindingPlan({ limits: { ...limits, maxResponseBytes: 4_000_000 } }))).toMatchObject({
      ok: true,
    });
    expect(await review(client, bindingPlan({ limits }))).toMatchObject({
      ok: false,
      error: { kind: "invalid", reason: "too_large" },
    });
  });
}

function varint(value: number): Buffer {
  return Buffer.from([(value % 128) + 128, Math.floor(value / 128)]);
}
