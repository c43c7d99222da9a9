import {
  DescribeRequest,
  Manifest,
  ReviewRequest,
  StateScope,
  type View,
} from "@sallyport/contract/gen/sallyport/interceptor/v1/interceptor.ts";
import { decodeVerdict } from "@sallyport/contract/verdict.ts";
import { allow, binding, defineInterceptor, deny, type LogEntry } from "@sallyport/interceptors-sdk";
import { describe, expect, it } from "vitest";
import { CallTime } from "../../../interceptors-sdk/src/call-time.ts";
import { ReviewService } from "../../../interceptors-sdk/src/review-service.ts";

const interceptor = defineInterceptor({
  name: "sample",
  version: "1.2.3",
  stateScope: "cluster",
  bindings: {
    check: binding({
      phase: "pre-route",
      mode: "validate",
      needs: ["/principal", "/request/path", "/request/body"],
      idempotent: true,
      cacheable: true,
      failClosed: true,
      match: { methods: ["POST"], paths: ["/v1/**"] },
      config: (value) => {
        if (typeof value !== "object") throw new TypeError("config is an object");
        return value;
      },
      review({ request, principal }, call) {
        if (request.path === "/throw") throw new Error("secret sk-123");
        if (request.path === "/body") return allow().annotate("body", JSON.stringify(request.body));
        return principal.anonymous ? deny(401, "who", "who are you") : allow().annotate("config", JSON.stringify(call.config));
      },
    }),
    forever: binding({
      phase: "pre-auth",
      mode: "observe",
      needs: [],
      review: () => new Promise<never>(() => undefined),
    }),
  },
});

const logged: LogEntry[] = [];
const start = (maxConcurrentReviews = 8) =>
  new ReviewService(interceptor, { log: (entry) => void logged.push(entry), maxConcurrentReviews });

const describing = (configJson: string, configDigest: string) =>
  DescribeRequest.encode(
    DescribeRequest.fromPartial({
      gatewayVersion: "9.9",
      bindings: [{ bindingId: "check", phase: 2, configJson, configDigest, maxPatches: 32, maxResponseBytes: 4096 }],
    }),
  ).finish();

const principal = { id: "alice", anonymous: false, type: "x", tenants: [], scopes: [], roles: [], claimsJson: "" };

const reviewing = (more: Omit<Partial<ReviewRequest>, "view"> & { view?: Partial<View> } = {}) =>
  ReviewRequest.encode(
    ReviewRequest.fromPartial({
      reviewId: "r1",
      attempt: 1,
      bindingId: "check",
      phase: 2,
      mode: 2,
      configDigest: "d1",
      ...more,
      view: { principal, request: { path: "/" }, ...more.view },
    }),
  ).finish();

const inTime = (): CallTime => new CallTime(Number.POSITIVE_INFINITY);

async function outcome(service: ReviewService, bytes: Uint8Array) {
  const answer = await service.review(bytes, inTime());
  if (!answer.ok) return answer.error;
  const verdict = decodeVerdict(answer.value, { reviewId: "r1", maxPatches: 0 });
  return verdict.ok ? verdict.value : verdict.error;
}

describe("Describe", () => {
  it("answers the manifest the code declares", () => {
    const answer = start().describe(describing("{}", "d1"));
    expect(answer.ok && Manifest.decode(answer.value)).toEqual({
      name: "sample",
      version: "1.2.3",
      expectedAudience: "",
      revokes: true,
      stateScope: StateScope.CLUSTER,
      bindings: [
        {
          id: "check",
          phase: 2,
          mode: 2,
          selector: { methods: ["POST"], hosts: [], paths: ["/v1/**"] },
          needs: ["/principal", "/request/path", "/request/body"],
          writes: [],
          ownsHeaders: [],
          cacheable: true,
          idempotent: true,
          body: 1,
          failClosed: true,
        },
        expect.objectContaining({ id: "forever", phase: 1, mode: 1 }),
      ],
    });
  });

  it("refuses a config the binding's own code refuses, and says why", () => {
    expect(start().describe(describing("3", "d1"))).toMatchObject({
      ok: false,
      error: { reason: "config-refused", message: "config of check: config is an object" },
    });
  });

  it("refuses bytes that are no request", () => {
    expect(start().describe(Uint8Array.of(0xff))).toMatchObject({ ok: false, error: { reason: "undecodable" } });
  });
});

describe("Review", () => {
  it("judges under the config its digest names, of several described", async () => {
    const service = start();
    service.describe(describing('{"limit":1}', "d1"));
    service.describe(describing('{"limit":2}', "d2"));
    const note = (value: string) => ({ annotations: [{ name: "config", value }] });
    expect(await outcome(service, reviewing())).toMatchObject(note('{"limit":1}'));
    expect(await outcome(service, reviewing({ configDigest: "d2" }))).toMatchObject(note('{"limit":2}'));
  });

  it("asks to be described when it does not know the config", async () => {
    expect(await outcome(start(), reviewing())).toMatchObject({ reason: "unknown-config" });
    expect(await outcome(start(), reviewing({ configDigest: "" }))).toMatchObject({ reason: "unknown-config" });
  });

  it("forgets the config described longest ago, beyond 1024", async () => {
    const service = start();
    for (let index = 0; index <= 1024; index += 1) service.describe(describing("{}", `d${index}`));
    expect(await outcome(service, reviewing({ configDigest: "d0" }))).toMatchObject({ reason: "unknown-config" });
    expect(await outcome(service, reviewing({ configDigest: "d1" }))).toMatchObject({ kind: "allow" });
  });

  it.each([
    ["an unknown binding", { bindingId: "other" }],
    ["a name every object has", { bindingId: "constructor" }],
    ["another phase", { phase: 3 as const }],
    ["no phase", { phase: 0 as const }],
  ])("has no answer for %s", async (_what, more) => {
    const service = start();
    service.describe(describing("{}", "d1"));
    expect(await outcome(service, reviewing(more))).toMatchObject({ reason: "unknown-binding" });
  });

  it("has no answer for bytes that are no request", async () => {
    expect(await outcome(start(), Uint8Array.of(8))).toMatchObject({ reason: "undecodable" });
  });

  it("says nothing of what was thrown, but logs it", async () => {
    const service = start();
    service.describe(describing("{}", "d1"));
    const answer = await service.review(
      reviewing({ view: { request: Object({ path: "/throw", query: [], headers: [] }) } }),
      inTime(),
    );
    expect(answer).toMatchObject({ ok: false, error: { reason: "failed", message: expect.not.stringContaining("sk-123") } });
    expect(logged.at(-1)).toMatchObject({
      level: "error",
      binding: "check",
      error: expect.objectContaining({ message: "secret sk-123" }),
    });
    expect(service.counters).toMatchObject({ reviews: 1, failed: 1, allowed: 0, inFlight: 0 });
  });

  it("fails when the operator's grant withholds what the code counts on", async () => {
    const service = start();
    service.describe(describing("{}", "d1"));
    const bytes = ReviewRequest.encode(
      ReviewRequest.fromPartial({ reviewId: "r1", bindingId: "check", phase: 2, mode: 2, configDigest: "d1", view: {} }),
    ).finish();
    const answer = await service.review(bytes, inTime());
    expect(answer).toMatchObject({ ok: false, error: { reason: "failed", cause: { name: "WithheldFieldError" } } });
  });

  it.each([
    ["no JSON", { $case: "json", value: "{" } as const],
    ["in another format than the binding's", { $case: "text", value: "{}" } as const],
  ])("fails on a body that is %s", async (_what, content) => {
    const service = start();
    service.describe(describing("{}", "d1"));
    const request = Object({ path: "/body", query: [], headers: [], body: { content } });
    expect(await service.review(reviewing({ view: { request } }), inTime())).toMatchObject({
      ok: false,
      error: { reason: "failed" },
    });
  });

  it("refuses one review more than it serves at once", async () => {
    const service = start(1);
    const time = inTime();
    const waiting = service.review(reviewing({ bindingId: "forever", phase: 1, configDigest: "" }), time);
    expect(await outcome(service, reviewing())).toMatchObject({ reason: "overloaded" });
    time.cancel();
    expect(await waiting).toMatchObject({ ok: false, error: { reason: "abandoned" } });
    expect(service.counters).toMatchObject({ abandoned: 1, refused: 1, inFlight: 0 });
  });

  it("counts allows and denials", async () => {
    const service = start();
    service.describe(describing("{}", "d1"));
    await outcome(service, reviewing());
    expect(await outcome(service, reviewing({ view: { principal: { ...principal, anonymous: true } } }))).toMatchObject({
      kind: "deny",
    });
    expect(service.counters).toMatchObject({ describes: 1, reviews: 2, allowed: 1, denied: 1 });
  });
});
