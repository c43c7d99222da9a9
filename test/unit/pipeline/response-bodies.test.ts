import { describe, expect, it } from "vitest";
import { allow, binding, deny, patch, type BindingChoice } from "../../support/fake-binding.ts";
import { Scene, type RequestChoice } from "../../support/pipeline.ts";
import { TrackedStream } from "../../support/tracked-stream.ts";

const JSON_TYPE = { "content-type": "application/json" };

/** A binding that reads the request body as JSON. */
const reader = (id = "reader", choice: BindingChoice = {}) =>
  binding(id, { needs: ["/request/body"], body: "json", limits: { maxBodyBytes: 20 }, ...choice });

const post = (body: RequestChoice["body"], headers: Record<string, string> = JSON_TYPE): RequestChoice => ({
  method: "POST",
  headers,
  ...(body === undefined ? {} : { body }),
});

const chunked = (...chunks: string[]): TrackedStream => new TrackedStream(chunks, { chunked: true });

describe("a response body at post-response", () => {
  const reads = (choice: BindingChoice = {}) =>
    reader("reader", { phase: "post-response", needs: ["/response/body"], limits: { maxBodyBytes: 30 }, ...choice });

  const cases = [
    ["an event stream", { headers: [["content-type", "text/event-stream"]] }],
    ["a gRPC stream", { headers: [["content-type", "application/grpc+proto"]] }],
    ["a partial response", { status: 206 }],
    ["too large by its declared length", { body: ["x".repeat(40)] }],
    ["too large in chunks", { body: ["x".repeat(20), "y".repeat(20)], stream: { chunked: true } }],
    ["malformed", { body: ["{"] }],
    [
      "coded in a way nobody knows",
      {
        headers: [
          ["content-encoding", "snappy"],
          ["content-type", "application/json"],
        ],
      },
    ],
  ] as const;

  it.each(cases.flatMap((each) => (["fail-open", "fail-closed"] as const).map((policy) => [each[0], policy, each[1]] as const)))(
    "that is %s is 502 under %s, and the upstream is given up",
    async (_name, failurePolicy, response) => {
      const scene = new Scene([{ bindings: [reads({ failurePolicy })] }]);
      scene.upstream.answer = () => scene.upstream.respond(response);
      const reply = await scene.send();
      expect(reply).toMatchObject({
        status: 502,
        problem: { code: "response_unreviewable", retryable: false },
        record: { ending: { kind: "refused", decidedBy: "svc/reader" }, upstream: "origin" },
      });
      expect(reply.headers).not.toHaveProperty("retry-after");
      expect(reply.text).not.toMatch(/xxx|yyy/);
      expect(scene.upstream.bodies[0]!.isOver).toBe(true);
      expect(scene.upstream.bodies[0]!.state).toMatch(/discarded|cancelled|ended/);
    },
  );

  it.each(cases)("that is %s passes verbatim under skip", async (_name, response) => {
    const scene = new Scene([{ bindings: [reads({ onUnreviewable: "skip" })] }]);
    const without = new Scene([{}]);
    for (const { upstream } of [scene, without]) upstream.answer = () => upstream.respond(response);
    const [reply, expected] = [await scene.send(), await without.send()];
    expect([reply.status, reply.headers, reply.text]).toEqual([expected.status, expected.headers, expected.text]);
    expect(reply.record.reviews).toMatchObject([{ ending: { kind: "unreviewable", skipped: true } }]);
    expect(scene.room.takenBytes).toBe(0);
  });

  it("that is not there is no stream and nothing to refuse", async () => {
    const after = reads();
    const scene = new Scene([{ bindings: [after] }]);
    scene.upstream.answer = () => scene.upstream.respond({ headers: [["content-type", "text/event-stream"]], body: undefined });
    expect(await scene.send({ method: "HEAD" })).toMatchObject({ status: 200 });
    expect(after.asked[0]!.subject.responseBody).toBeUndefined();
  });

  it("that breaks off while it is captured is 502, and nothing of it leaves", async () => {
    const scene = new Scene([{ bindings: [reads()] }]);
    scene.upstream.answer = () =>
      scene.upstream.respond({
        body: ["leak"],
        stream: { chunked: true, breaksWith: { problem: "upstream_timeout", cause: "idle timeout exceeded" } },
      });
    const reply = await scene.send();
    expect(reply).toMatchObject({
      status: 502,
      problem: { code: "upstream_invalid_response", retryable: false },
      record: { ending: { kind: "failed", decidedBy: "origin", cause: "idle timeout exceeded" } },
    });
    expect(reply.text).not.toContain("leak");
  });

  it("that finds no room is 502 and invites no repeat, since the upstream has acted (C17)", async () => {
    const scene = new Scene([{ bindings: [reads()] }], { roomBytes: 5 });
    const reply = await scene.send();
    expect(reply).toMatchObject({ status: 502, problem: { code: "gateway_overloaded", retryable: false } });
    expect(reply.headers).not.toHaveProperty("retry-after");
    expect(scene.upstream.bodies[0]!.state).toBe("discarded");
  });

  it("is asked for whole and uncoded", async () => {
    const scene = new Scene([{ bindings: [reads()] }]);
    await scene.send({ headers: { "accept-encoding": "gzip", range: "bytes=0-1" } });
    const { headers } = scene.upstream.requests[0]!;
    expect(headers).toEqual(expect.arrayContaining(["accept-encoding", "identity"]));
    expect(headers).not.toContain("range");
  });

  it("is sent as patched", async () => {
    const scene = new Scene([
      {
        bindings: [
          reads({
            writes: ["/response"],
            review: allow([patch("replace", "/response/body/from", "gateway"), patch("replace", "/response/status", 201)]),
          }),
        ],
      },
    ]);
    expect(await scene.send()).toMatchObject({
      status: 201,
      text: '{"from":"gateway"}',
      record: { ending: { kind: "forwarded", status: 201 } },
    });
  });

  it("is given up when it is denied", async () => {
    const scene = new Scene([{ bindings: [binding("after", { phase: "post-response", review: deny() })] }]);
    expect(await scene.send()).toMatchObject({ status: 403, problem: { code: "not_today" } });
    expect(scene.upstream.bodies[0]!.state).toBe("discarded");
  });
});

describe("a binding after the response that needs the request's body", () => {
  const after = (choice: BindingChoice = {}) => reader("after", { phase: "post-response", ...choice });

  it("is why an unreviewable one is refused before the upstream acts", async () => {
    const scene = new Scene([{ bindings: [after()] }]);
    expect(await scene.send(post("{"))).toMatchObject({
      status: 400,
      record: { reviews: [{ binding: "svc/after", ending: { kind: "unreviewable", skipped: false } }] },
    });
    expect(scene.upstream.requests).toEqual([]);
  });

  it("is skipped where the operator says so, with one entry in the record", async () => {
    const scene = new Scene([{ bindings: [after({ onUnreviewable: "skip" })] }]);
    const reply = await scene.send(post(chunked("x".repeat(15), "x".repeat(15))));
    expect(reply).toMatchObject({ status: 200, record: { reviews: [{ ending: { kind: "unreviewable", skipped: true } }] } });
    expect(scene.upstream.requests[0]!.body).toBe("x".repeat(30));
  });

  it("is no reason to read it where its selector does not want this exchange", async () => {
    const scene = new Scene([
      { bindings: [after({ selector: { routes: ["route-0"], labels: { audited: "yes" }, manifest: {} } })] },
    ]);
    expect(await scene.send(post("{"))).toMatchObject({ status: 200, record: { reviews: [] } });
  });
});
