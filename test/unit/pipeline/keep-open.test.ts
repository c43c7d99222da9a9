import { describe, expect, it } from "vitest";
import { isStream } from "../../../src/model/byte-stream.ts";
import type { RoutePlan } from "../../../src/model/route-plan.ts";
import type { Closing } from "../../../src/ports/long-lived.ts";
import { RecordingSink } from "../../support/byte-flow.ts";
import { allow, binding, fail, setHeader, type FakeBinding } from "../../support/fake-binding.ts";
import { planOf, Scene, turn, type RequestChoice, type RouteChoice } from "../../support/pipeline.ts";

const DENIED: Closing = { code: "suspended", by: "svc/a", source: "client", reason: "denied" };

const EVENTS = "data: 1\n\n";

const lasting = (validForMs = 5000): FakeBinding => binding("a", { review: allow([], { validForMs }) });

const TRANSCODE: RoutePlan["transcode"] = { services: ["t.Echo"], rules: [], sse: [] };

interface Choice {
  readonly bindings?: readonly FakeBinding[];
  readonly route?: RouteChoice;
  readonly headers?: readonly (readonly [string, string])[];
  readonly body?: readonly string[] | undefined;
  readonly declared?: boolean;
}

/** A scene whose upstream answers with events and stays open. */
function sceneOf({ bindings = [lasting()], route = {}, headers, declared = false, ...rest }: Choice = {}): Scene {
  const scene = new Scene([{ ...route, bindings }]);
  scene.upstream.answer = () =>
    scene.upstream.respond({
      headers: headers ?? [["content-type", "text/event-stream; charset=utf-8"]],
      body: "body" in rest ? rest.body : [EVENTS],
      stream: { chunked: !declared, stalls: true },
    });
  return scene;
}

/** Sends a request and begins to read what comes. */
async function opened(
  scene: Scene,
  request: RequestChoice = { target: "/events" },
): Promise<{ readonly sink: RecordingSink; over(sent: { completed: boolean; cause?: unknown }): void }> {
  const { response, onSent } = await scene.until(scene.begin(request).answer);
  const sink = new RecordingSink();
  if (!isStream(response.body)) throw new Error("the response is no stream");
  response.body.pipe(sink);
  await turn();
  return { sink, over: (sent) => onSent({ bytes: sink.byteCount, ...sent }) };
}

describe("a stream of events that was let through for a time (C36)", () => {
  it("is taken in with the head as the client sent it and the terms of every binding", async () => {
    const patching = binding("b", {
      mode: "mutate",
      order: [0, 1],
      writes: ["/request/headers/x-a"],
      review: allow([setHeader("x-a", "1")], { cache: { ttlMs: 1000, tags: ["user-1"] } }),
    });
    const scene = sceneOf({ bindings: [lasting(), patching, binding("silent", { order: [0, 2] })] });
    await opened(scene);
    const [stream] = scene.streams;
    expect(stream?.terms).toEqual(
      new Map([
        ["svc/a", { interceptor: "svc", tags: [], validForMs: 5000, sinceMs: expect.any(Number) as number }],
        ["svc/b", { interceptor: "svc", tags: ["user-1"], validForMs: undefined, sinceMs: expect.any(Number) as number }],
      ]),
    );
    expect(stream?.exchange.head.headers.has("x-a")).toBe(false);
    expect(stream).toMatchObject({ route: "route-0", exchange: { body: undefined, response: undefined } });
  });

  it("lets its generation go, keeps its upstream, and gives everything back at the end", async () => {
    const scene = sceneOf();
    const { over } = await opened(scene);
    expect([scene.holder.inFlight, scene.upstream.held, scene.left]).toEqual([0, 1, 0]);
    scene.holder.swap(scene.generation(planOf([], scene.upstream, "rev-2")));
    expect(scene.retired).toBe(1);
    over({ completed: true });
    expect([scene.upstream.held, scene.left]).toEqual([0, 1]);
    expect(scene.records).toMatchObject([
      { revision: "rev-1", route: "route-0", upstream: "origin", ending: { kind: "forwarded" } },
    ]);
  });

  it("keeps its generation while an observer is to be told of the end", async () => {
    const scene = sceneOf({ bindings: [lasting(), binding("watch", { mode: "observe", order: [0, 1] })] });
    const { over } = await opened(scene);
    scene.holder.swap(scene.generation(planOf([], scene.upstream, "rev-2")));
    expect(scene.retired).toBe(0);
    over({ completed: true });
    await turn();
    for (const { release } of scene.observations) release();
    expect([scene.observations.length, scene.retired]).toEqual([1, 1]);
  });

  it("says why it is closed, breaks off, and is recorded as closed by whoever decided", async () => {
    const scene = sceneOf();
    const { sink, over } = await opened(scene);
    scene.streams[0]?.close(DENIED);
    expect(sink.text).toBe(`${EVENTS}: closed by the gateway: suspended\n\n`);
    expect(sink.endings).toBe(0);
    scene.clock.advance(20);
    expect(await sink.over).toMatchObject({ kind: "failed" });
    over({ completed: false, cause: "closed" });
    expect(scene.upstream.bodies[0]?.state).toBe("cancelled");
    expect(scene.records[0]?.ending).toMatchObject({
      kind: "closed",
      status: 200,
      decidedBy: "svc/a",
      code: "suspended",
      source: "client",
    });
  });

  it.each([
    [
      "coded",
      {
        headers: [
          ["content-type", "text/event-stream"],
          ["content-encoding", "gzip"],
        ],
      },
    ],
    ["counted", { declared: true }],
  ] as const)("is closed without a word where its body is %s", async (_name, choice) => {
    const scene = sceneOf(choice);
    const { sink } = await opened(scene);
    scene.streams[0]?.close(DENIED);
    expect(await sink.over).toMatchObject({ kind: "failed" });
    expect(sink.text).toBe(EVENTS);
  });

  it("that had ended when it was closed is recorded as whole", async () => {
    const scene = sceneOf();
    const { over } = await opened(scene);
    scene.streams[0]?.close(DENIED);
    over({ completed: true });
    expect(scene.records[0]?.ending).toMatchObject({ kind: "forwarded" });
  });

  it("is refused where there is no room for one more, and its upstream given up", async () => {
    const scene = sceneOf();
    scene.takesStreams = false;
    const { status, problem } = await scene.send();
    expect([status, problem["code"], problem["retryable"]]).toEqual([502, "gateway_overloaded", false]);
    expect([scene.upstream.bodies[0]?.state, scene.upstream.held, scene.holder.inFlight]).toEqual(["discarded", 0, 0]);
  });

  it("may be called one by its route, whatever its type", async () => {
    const scene = sceneOf({ route: { streaming: "sse" }, headers: [["content-type", "text/plain"]] });
    await opened(scene);
    expect(scene.streams).toHaveLength(1);
  });

  it.each([
    ["gRPC", "application/grpc", {}],
    ["gRPC-Web", "application/grpc-web+proto", {}],
    ["gRPC-Web in text", "application/grpc-web-text", {}],
    ["Connect", "application/connect+json", {}],
    ["JSON, line by line,", "application/x-ndjson", { transcode: TRANSCODE }],
  ] satisfies readonly (readonly [string, string, RouteChoice])[])(
    "is a call in the form of %s too, and nothing is written into its messages",
    async (_name, type, route) => {
      const scene = sceneOf({ route, headers: [["content-type", type]] });
      const { sink } = await opened(scene, { method: "POST", target: "/t.Echo/Watch", headers: { "content-type": type } });
      expect(scene.streams).toHaveLength(1);
      scene.streams[0]?.close(DENIED);
      expect(await sink.over).toMatchObject({ kind: "failed" });
      expect(sink.text).toBe(EVENTS);
    },
  );

  it.each([
    ["of another type", { headers: [["content-type", "application/json"]] }],
    ["on a route without streams", { route: { streaming: "none" } }],
    ["that no verdict limits", { bindings: [binding("a", { review: allow() })] }],
    ["whose review failed open", { bindings: [binding("a", { failurePolicy: "fail-open", review: fail("timeout") })] }],
  ] satisfies readonly (readonly [string, Choice])[])("is not one %s", async (_name, choice) => {
    const scene = sceneOf(choice);
    const { over } = await opened(scene);
    expect([scene.streams.length, scene.upstream.held]).toEqual([0, 0]);
    over({ completed: true });
    expect(scene.holder.inFlight).toBe(0);
  });

  it("is not one without a body", async () => {
    const scene = sceneOf({ body: undefined });
    await scene.send();
    expect(scene.streams).toHaveLength(0);
  });
});
