import { Client, credentials, Metadata, status } from "@grpc/grpc-js";
import { ReviewRequest } from "@sallyport/contract/gen/sallyport/interceptor/v1/interceptor.ts";
import { METHODS } from "@sallyport/contract/wire.ts";
import { allow, binding, defineInterceptor, type RunningInterceptor, serve } from "@sallyport/interceptors-sdk";
import { describe, expect, it, onTestFinished } from "vitest";
import { TRANSPORTS, type Transport } from "../../support/transports.ts";

let begun = (): void => {};
let gate = Promise.resolve();

const sample = defineInterceptor({
  name: "sample",
  bindings: {
    ok: binding({ phase: "pre-auth", mode: "validate", needs: [], review: () => allow() }),
    soon: binding({
      phase: "pre-auth",
      mode: "validate",
      needs: [],
      review: async () => {
        begun();
        await gate;
        return allow();
      },
    }),
  },
});

async function serving(
  transport: Transport,
  bounds: { readonly maxReviewBytes?: number; readonly maxConcurrentReviews?: number },
) {
  const running: RunningInterceptor = await serve(sample, {
    listen: "grpc://127.0.0.1:0",
    allowInsecure: true,
    signals: false,
    log: () => undefined,
    transport,
    ...bounds,
  });
  const client = new Client(`127.0.0.1:${running.port}`, credentials.createInsecure(), { "grpc.use_local_subchannel_pool": 1 });
  onTestFinished(async () => {
    client.close();
    await running.close();
  });
  const asIs = (bytes: Buffer): Buffer => bytes;
  const code = (method: string, message: Uint8Array, metadata = new Metadata()): Promise<status> =>
    new Promise((resolve) =>
      client.makeUnaryRequest(method, asIs, asIs, Buffer.from(message), metadata, (error) => resolve(error?.code ?? status.OK)),
    );
  return { running, code };
}

/** A review whose id has that many letters. */
const request = (bindingId: string, letters = 1): Uint8Array =>
  ReviewRequest.encode(
    ReviewRequest.fromPartial({ reviewId: "r".repeat(letters), bindingId, phase: 1, mode: 2, attempt: 1, view: {} }),
  ).finish();

describe.each(TRANSPORTS)("the bounds of reviews, over %s", (transport) => {
  it("are kept in size", async () => {
    const { running, code } = await serving(transport, { maxReviewBytes: 1000 });
    expect(await code(METHODS.review, request("ok", 900))).toBe(status.OK);
    expect(await code(METHODS.review, request("ok", 1001))).toBe(status.RESOURCE_EXHAUSTED);
    expect(running.counters().reviews).toBe(1);
  });

  it("are kept in number, and health is answered beyond", async () => {
    let open = (): void => {};
    gate = new Promise((resolve) => (open = resolve));
    const first = new Promise<void>((resolve) => (begun = resolve));
    const { running, code } = await serving(transport, { maxConcurrentReviews: 1 });
    const held = code(METHODS.review, request("soon"));
    await first;
    expect(await code(METHODS.review, request("ok"))).toBe(status.RESOURCE_EXHAUSTED);
    expect(await code("/grpc.health.v1.Health/Check", Buffer.alloc(0))).toBe(status.OK);
    open();
    expect(await held).toBe(status.OK);
    expect(running.counters()).toMatchObject({ reviews: 2, allowed: 1, refused: 1 });
  });

  it("are kept in time: a review whose time is over is not begun", async () => {
    const { running, code } = await serving(transport, {});
    const late = new Metadata();
    late.set("grpc-timeout", "1n");
    expect(await code(METHODS.review, request("ok"), late)).toBe(status.DEADLINE_EXCEEDED);
    expect(await code(METHODS.review, request("ok"))).toBe(status.OK);
    expect(running.counters().allowed).toBe(1);
  });
});

it("a transport nobody has is refused", async () => {
  const options = { listen: "grpc://127.0.0.1:0", allowInsecure: true, signals: false, log: () => undefined, transport: "h3" };
  await expect(serve(sample, Object(options))).rejects.toThrow(/transport is "lean" or "grpc-js"/);
});
