import { gzipSync } from "node:zlib";
import type { PatchOperation } from "@sallyport/contract/json-patch.ts";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CaptureRoom } from "../../../src/app/capture-room.ts";
import type { ByteStream } from "../../../src/model/byte-stream.ts";
import { BodyFailure } from "../../../src/model/body-failure.ts";
import { CancelSource } from "../../../src/model/cancel.ts";
import { HeaderLines } from "../../../src/model/header-lines.ts";
import { BodySource } from "../../../src/pipeline/body-source.ts";
import { HeldRoom } from "../../../src/pipeline/held-room.ts";
import { bindingPlan } from "../../support/binding-plan.ts";
import { allow, binding, patch, setHeader, type BindingChoice } from "../../support/fake-binding.ts";
import { Scene, type RequestChoice } from "../../support/pipeline.ts";
import { TrackedStream } from "../../support/tracked-stream.ts";
import { turn } from "../../support/turn.ts";

const JSON_TYPE = { "content-type": "application/json" };

/** A binding that reads the request body as JSON. */
const reader = (id = "reader", choice: BindingChoice = {}) =>
  binding(id, { needs: ["/request/body"], body: "json", limits: { maxBodyBytes: 20 }, ...choice });

const post = (body: RequestChoice["body"], headers: Record<string, string> = JSON_TYPE): RequestChoice => ({
  method: "POST",
  headers,
  ...(body === undefined ? {} : { body }),
});

const MOVE: PatchOperation = { op: "move", from: "/request/body/0", path: "/request/headers/x-first" };

const chunked = (...chunks: string[]): TrackedStream => new TrackedStream(chunks, { chunked: true });

const gzipped = (text: string): TrackedStream => new TrackedStream([gzipSync(text)]);

describe("a request body that cannot be shown (C18)", () => {
  const cases: readonly (readonly [string, () => RequestChoice, number, string])[] = [
    ["declared too large", () => post(`{"a":"${"x".repeat(20)}"}`), 413, "body_too_large"],
    ["too large in chunks", () => post(chunked('{"a":"', "x".repeat(20), '"}')), 413, "body_too_large"],
    [
      "too large once decoded",
      () => post(gzipped(`{"a":"${"x".repeat(20)}"}`), { ...JSON_TYPE, "content-encoding": "gzip" }),
      413,
      "body_too_large",
    ],
    ["malformed", () => post('{"a":'), 400, "body_malformed"],
    ["naming a member twice", () => post('{"a":1,"a":2}'), 400, "body_malformed"],
    ["invalid UTF-8", () => post(new TrackedStream([new Uint8Array([0x22, 0xff, 0x22])])), 400, "body_malformed"],
    ["garbage in a known coding", () => post("not gzip", { ...JSON_TYPE, "content-encoding": "gzip" }), 400, "body_malformed"],
    ["in an unknown coding", () => post("{}", { ...JSON_TYPE, "content-encoding": "snappy" }), 415, "body_unsupported"],
    ["in two codings", () => post("{}", { ...JSON_TYPE, "content-encoding": "gzip, br" }), 415, "body_unsupported"],
    ["of another type", () => post("{}", { "content-type": "text/plain" }), 415, "body_unsupported"],
    ["in another charset", () => post("{}", { "content-type": "application/json; charset=utf-16" }), 415, "body_unsupported"],
  ];

  it.each(cases.flatMap((each) => (["fail-open", "fail-closed"] as const).map((policy) => [each[0], policy, each] as const)))(
    "%s is refused under %s",
    async (_name, failurePolicy, [, request, status, code]) => {
      const reads = reader("reader", { failurePolicy });
      const scene = new Scene([{ bindings: [reads] }]);
      const reply = await scene.send(request());
      expect(reply).toMatchObject({
        status,
        problem: { code, retryable: false },
        record: { ending: { kind: "refused", decidedBy: "svc/reader", source: "client" } },
      });
      expect(reply.record.reviews).toMatchObject([{ binding: "svc/reader", ending: { kind: "unreviewable", skipped: false } }]);
      expect(reads.asked).toEqual([]);
      expect(reads.tally).toMatchObject({ outcomes: {}, durations: [] });
      expect(scene.upstream.requests).toEqual([]);
      expect(scene.room.takenBytes).toBe(0);
    },
  );

  it.each(cases)("%s passes verbatim where the operator says skip, and the gap is counted", async (_name, request) => {
    const reads = reader("reader", { onUnreviewable: "skip" });
    const scene = new Scene([{ bindings: [reads] }]);
    const without = new Scene([{}]);
    const reply = await scene.send(request());
    await without.send(request());
    expect(reply.status).toBe(200);
    expect(scene.upstream.requests[0]).toMatchObject({
      body: without.upstream.requests[0]!.body,
      headers: without.upstream.requests[0]!.headers,
    });
    expect(reads.asked).toEqual([]);
    expect(reads.tally.counts.skippedUnreviewable).toBe(1);
    expect(reply.record.reviews).toMatchObject([{ ending: { kind: "unreviewable", skipped: true } }]);
    expect(scene.room.takenBytes).toBe(0);
  });

  it("shows every head to a binding that needs no body", async () => {
    const heads = binding("heads", { needs: ["/request/headers"] });
    const scene = new Scene([{ bindings: [heads] }]);
    const body = chunked("x".repeat(100_000));
    expect(await scene.send(post(body))).toMatchObject({ status: 200 });
    expect(heads.asked).toHaveLength(1);
    expect(scene.upstream.requests[0]!.body).toHaveLength(100_000);
  });

  it("is nothing to a binding whose condition does not match: its body is not even read for review", async () => {
    const reads = reader("reader", { when: () => "no-match" });
    expect(await new Scene([{ bindings: [reads] }]).send(post("not json at all, and long"))).toMatchObject({
      status: 200,
      record: { reviews: [] },
    });
  });

  it("is refused before a condition on that body is evaluated (C22)", async () => {
    const reads = binding("reads", { when: () => "no-match", whenNeedsBody: { request: true, response: false } });
    expect(await new Scene([{ bindings: [reads] }]).send(post("not json"))).toMatchObject({ status: 400 });
  });
});

describe("a request body that does not arrive", () => {
  it.each([
    ["request_timeout", 408],
    ["bad_request", 400],
  ] as const)("with %s is the client's fault: %i", async (problem, status) => {
    const body = new TrackedStream(["{"], { chunked: true, breaksWith: new BodyFailure(problem, "The body stopped.") });
    const scene = new Scene([{ bindings: [reader()] }]);
    expect(await scene.send(post(body))).toMatchObject({
      status,
      problem: { code: problem, detail: "The body stopped." },
      record: { ending: { kind: "refused", decidedBy: "client" } },
    });
    expect(scene.upstream.requests).toEqual([]);
  });
});

describe("the route's limit on request bodies", () => {
  it("answers 413 at once where the length is declared", async () => {
    const scene = new Scene([{ maxBodyBytes: 3 }]);
    const body = new TrackedStream(["1234"]);
    expect(await scene.send(post(body))).toMatchObject({ status: 413, problem: { code: "body_too_large" } });
    expect(body.state).toBe("discarded");
    expect(scene.upstream.requests).toEqual([]);
  });

  it.each([
    ["forwarded", []],
    ["captured", [reader("reader", { limits: { maxBodyBytes: 100 } })]],
  ])("answers 413 as soon as chunks pass it while they are %s", async (_how, bindings) => {
    const scene = new Scene([{ maxBodyBytes: 3, bindings }]);
    const body = chunked("12", "34");
    expect(await scene.send(post(body))).toMatchObject({
      status: 413,
      problem: { code: "body_too_large" },
      record: { ending: { kind: "refused", decidedBy: "body-limit" } },
    });
    expect(body.isOver).toBe(true);
    expect(scene.upstream.requests).toEqual([]);
  });

  it("lets a body of exactly the limit pass", async () => {
    expect(await new Scene([{ maxBodyBytes: 4 }]).send(post(chunked("12", "34")))).toMatchObject({ status: 200 });
  });
});

describe("capturing (C24)", () => {
  it("reads a body once for bindings of several phases and limits, each with its own limit", async () => {
    const small = reader("small", { order: [0, 0], onUnreviewable: "skip", limits: { maxBodyBytes: 5 } });
    const large = reader("large", { order: [0, 1], limits: { maxBodyBytes: 50 } });
    const early = reader("early", { phase: "pre-auth", limits: { maxBodyBytes: 20 } });
    const after = reader("after", { phase: "post-response" });
    const scene = new Scene([{ bindings: [small, large, early, after] }]);
    const body = chunked('{"a":', "123456", "}");
    await scene.send(post(body));
    expect(small.asked).toEqual([]);
    expect([large, early, after].map(({ asked }) => asked[0]!.subject.requestBody)).toMatchObject(
      Array.from({ length: 3 }, () => ({ format: "json", text: '{"a":123456}' })),
    );
    expect(scene.upstream.requests[0]!.body).toBe('{"a":123456}');
  });

  it("shows each binding the body in its own format", async () => {
    const formats = (["json", "text", "bytes"] as const).map((body, index) => reader(body, { body, order: [0, index] }));
    await new Scene([{ bindings: formats }]).send(post('{"a":1}'));
    expect(formats.map(({ asked }) => asked[0]!.subject.requestBody)).toMatchObject([
      { format: "json", text: '{"a":1}' },
      { format: "text", text: '{"a":1}' },
      { format: "bytes", bytes: new TextEncoder().encode('{"a":1}') },
    ]);
  });

  it("decodes a coded body for review and forwards the original bytes where nobody patched it", async () => {
    const coded = gzipSync('{"a":1}');
    const reads = reader();
    const scene = new Scene([{ bindings: [reads] }]);
    await scene.send(post(new TrackedStream([coded]), { ...JSON_TYPE, "content-encoding": "gzip" }));
    expect(reads.asked[0]!.subject.requestBody).toMatchObject({ text: '{"a":1}' });
    expect(scene.upstream.requests[0]!.headers).toContain("gzip");
    expect(scene.upstream.requests[0]!.body).toBe(new TextDecoder().decode(coded));
  });

  it("forwards a patched body uncoded, shows it to the next binding, and keeps numbers as written", async () => {
    const patches = reader("patches", {
      order: [0, 0],
      writes: ["/request/body/b"],
      limits: { maxBodyBytes: 100 },
      review: allow([patch("add", "/request/body/b", true)]),
    });
    const reads = reader("reads", { order: [0, 1], limits: { maxBodyBytes: 100 } });
    const scene = new Scene([{ bindings: [patches, reads] }]);
    await scene.send(post(gzipped('{"a":12345678901234567890,"c":1.0}'), { ...JSON_TYPE, "content-encoding": "gzip" }));
    const expected = '{"a":12345678901234567890,"c":1.0,"b":true}';
    expect(reads.asked[0]!.subject.requestBody).toMatchObject({ text: expected });
    expect(scene.upstream.requests[0]!.body).toBe(expected);
    expect(scene.upstream.requests[0]!.headers).not.toContain("gzip");
  });

  it("forwards an empty chunked body, which is no body to show", async () => {
    const reads = reader();
    const scene = new Scene([{ bindings: [reads] }]);
    expect(await scene.send(post(chunked()))).toMatchObject({ status: 200 });
    expect(reads.asked[0]!.subject.requestBody).toBeUndefined();
    expect(scene.upstream.requests[0]!.body).toBe("");
  });

  it("answers 503 before reading when the process holds too many bodies, and keeps no room", async () => {
    const scene = new Scene([{ bindings: [reader()] }], { roomBytes: 10 });
    const body = chunked("{}");
    const reply = await scene.send(post(body));
    expect(reply).toMatchObject({
      status: 503,
      headers: { "retry-after": "1" },
      problem: { code: "gateway_overloaded", retryable: true },
    });
    expect(body.state).toBe("discarded");
    expect(scene.upstream.requests).toEqual([]);
    expect(scene.room.takenBytes).toBe(0);
  });

  it("answers 503 before reading when a body announces more than there is room for", async () => {
    const scene = new Scene([{ bindings: [reader("reader", { limits: { maxBodyBytes: 1_000_000 } })] }], { roomBytes: 150_000 });
    const body = new TrackedStream(["x".repeat(200_000)]);
    expect(await scene.send(post(body))).toMatchObject({ status: 503, problem: { code: "gateway_overloaded" } });
    expect(body.state).toBe("discarded");
    expect(scene.room.takenBytes).toBe(0);
  });

  it("takes no room for what a slow upload announces and does not send", async () => {
    const scene = new Scene([{ bindings: [reader("reader", { limits: { maxBodyBytes: 1_000_000 } })] }], {
      roomBytes: 1_000_000,
    });
    // announces more than it ever sends
    const announcing = (): ByteStream => {
      const stream = new TrackedStream(['{"a":'], { chunked: true, stalls: true });
      return { declaredBytes: 900_000, pipe: (sink) => stream.pipe(sink), discard: () => stream.discard() };
    };
    const slow = Array.from({ length: 12 }, () => scene.begin({ method: "POST", headers: JSON_TYPE, body: announcing() }));
    await turn();
    expect(scene.room.takenBytes).toBeLessThan(800_000);
    expect(await scene.send(post(`"${"x".repeat(150_000)}"`))).toMatchObject({ status: 200 });
    for (const each of slow) each.leave();
    await Promise.all(slow.map((each) => each.reply()));
    expect(scene.room.takenBytes).toBe(0);
  });

  it("takes room as bytes arrive, so that slow uploads which announce nothing do not take it all", async () => {
    const scene = new Scene([{ bindings: [reader("reader", { limits: { maxBodyBytes: 1_000_000 } })] }], {
      roomBytes: 1_000_000,
    });
    const slow = Array.from({ length: 12 }, () =>
      scene.begin(post(new TrackedStream(['{"a":'], { chunked: true, stalls: true }))),
    );
    await turn();
    expect(scene.room.takenBytes).toBeLessThan(800_000);
    expect(await scene.send(post(chunked('{"a":1}')))).toMatchObject({ status: 200 });
    for (const each of slow) each.leave();
    await Promise.all(slow.map((each) => each.reply()));
    expect(scene.room.takenBytes).toBe(0);
  });

  it("answers 503 when the room ends in the middle of a body, and keeps none", async () => {
    const scene = new Scene([{ bindings: [reader("reader", { limits: { maxBodyBytes: 1_000_000 } })] }], { roomBytes: 150_000 });
    const body = chunked(`"${"x".repeat(100_000)}`, "x".repeat(100_000), '"');
    expect(await scene.send(post(body))).toMatchObject({
      status: 503,
      headers: { "retry-after": "1" },
      problem: { code: "gateway_overloaded" },
    });
    expect(body.isOver).toBe(true);
    expect(scene.room.takenBytes).toBe(0);
  });

  it("shows JSON without making values of it", async () => {
    const objects = `[${Array.from({ length: 1_000 }, () => '{"":0}').join()}]`;
    const reads = reader("reader", { limits: { maxBodyBytes: 10_000 } });
    const scene = new Scene([{ bindings: [reads] }], { roomBytes: 10_000 });
    let heldBytes = -1;
    scene.upstream.answer = () => {
      heldBytes = scene.room.takenBytes;
      return scene.upstream.respond();
    };
    expect(await scene.send(post(objects))).toMatchObject({ status: 200 });
    expect(reads.asked[0]!.subject.requestBody).toMatchObject({ text: objects });
    expect(heldBytes).toBe(objects.length);
  });

  it.each<[string, BindingChoice]>([
    ["a patch", { writes: ["/request/body"], review: allow([{ op: "remove", path: "/request/body/0" }]) }],
    ["a patch that moves it elsewhere", { writes: ["/request/body", "/request/headers"], review: allow([MOVE]) }],
    ["a condition", { when: () => "match", whenNeedsBody: { request: true, response: false } }],
  ])("counts the values that %s reads, and refuses with 503 where they find no room", async (_what, choice) => {
    const objects = `[${Array.from({ length: 1_000 }, () => '{"":0}').join()}]`;
    const send = async (roomBytes: number) => {
      const scene = new Scene([{ bindings: [reader("reader", { limits: { maxBodyBytes: 10_000 }, ...choice })] }], { roomBytes });
      const { status } = await scene.send(post(objects));
      expect(scene.room.takenBytes).toBe(0);
      return status;
    };
    expect(await send(20_000)).toBe(503);
    expect(await send(1_000_000)).not.toBe(503);
  });

  it("never takes more room than there is, and gives all of it back, whatever arrives how", async () => {
    const upload = fc.record({
      chunks: fc.array(fc.nat({ max: 3_000 }), { maxLength: 6 }),
      chunked: fc.boolean(),
      stalls: fc.boolean(),
      breaks: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(upload, { maxLength: 8 }), fc.integer({ min: 1, max: 12_000 }), async (uploads, roomBytes) => {
        const room = new CaptureRoom(roomBytes);
        let mostBytes = 0;
        const watched = {
          take: (bytes: number) => {
            const taken = room.take(bytes);
            mostBytes = Math.max(mostBytes, room.takenBytes);
            return taken;
          },
          give: (bytes: number) => room.give(bytes),
        };
        const cancel = new CancelSource();
        const plan = bindingPlan({ body: "bytes" });
        const ends = uploads.map(async ({ chunks, breaks, ...choice }) => {
          const held = new HeldRoom(watched);
          const body = new TrackedStream(
            chunks.map((size) => new Uint8Array(size)),
            { ...choice, ...(breaks ? { breaksWith: "gone" } : {}) },
          );
          await new BodySource(held).show(
            { binding: plan, body, headers: HeaderLines.EMPTY, captureBytes: 6_000, readsValue: true },
            cancel,
          );
          held.close();
        });
        await turn();
        cancel.abort();
        await Promise.all(ends);
        expect(mostBytes).toBeLessThanOrEqual(roomBytes);
        expect(room.takenBytes).toBe(0);
      }),
    );
  });

  it("counts what decoding would take as well", async () => {
    const scene = new Scene([{ bindings: [reader("reader", { limits: { maxBodyBytes: 10_000 } })] }], { roomBytes: 1_000 });
    expect(await scene.send(post(gzipped('{"a":1}'), { ...JSON_TYPE, "content-encoding": "gzip" }))).toMatchObject({
      status: 503,
    });
  });

  it("holds only what arrived while the exchange goes on, and nothing after it", async () => {
    const scene = new Scene([{ bindings: [reader("reader", { limits: { maxBodyBytes: 1_000_000 } })] }]);
    let heldBytes = -1;
    scene.upstream.answer = () => {
      heldBytes = scene.room.takenBytes;
      return scene.upstream.respond();
    };
    await scene.send(post(chunked('{"a":1}')));
    expect(heldBytes).toBe(7);
    expect(scene.room.takenBytes).toBe(0);
  });

  it("gives the room of a skipped body back when the body goes on its way", async () => {
    const scene = new Scene([{ bindings: [reader("reader", { onUnreviewable: "skip" })] }]);
    let heldBytes = -1;
    scene.upstream.answer = () => {
      heldBytes = scene.room.takenBytes;
      return scene.upstream.respond();
    };
    await scene.send(post(chunked("x".repeat(30), "y".repeat(30))));
    expect(heldBytes).toBe(0);
  });
});

it("a fail-open binding that reads bodies leaves the forwarded bytes as they came (C19)", async () => {
  const coded = gzipSync('{"a":1}');
  const reads = reader("reader", {
    failurePolicy: "fail-open",
    writes: ["/request/body"],
    review: allow([patch("replace", "/request/body", new Map()), setHeader("host", "no")]),
  });
  const scene = new Scene([{ bindings: [reads] }]);
  await scene.send(post(new TrackedStream([coded]), { ...JSON_TYPE, "content-encoding": "gzip" }));
  expect(scene.upstream.requests[0]!.body).toBe(new TextDecoder().decode(coded));
});
