import { gzipSync } from "node:zlib";
import { describe, expect, it, vi } from "vitest";
import { ANONYMOUS } from "../../../src/model/principal.ts";
import { allow, binding, deny, fail, patch, setHeader, type BindingChoice } from "../../support/fake-binding.ts";
import { Scene, turn } from "../../support/pipeline.ts";
import { TrackedStream } from "../../support/tracked-stream.ts";

const observer = (id: string, choice: BindingChoice = {}) =>
  binding(id, { mode: "observe", failurePolicy: "fail-open", ...choice });

const JSON_TYPE = { "content-type": "application/json" };

describe("observers (C29)", () => {
  it("hear of the exchange when it is over, never before, with the outcome", async () => {
    const scene = new Scene([{ bindings: [observer("o", { phase: "post-response" })] }]);
    const answer = await scene.begin().answer;
    await turn();
    expect(scene.observations).toEqual([]);
    scene.clock.advance(25);
    answer.onSent({ bytes: 19, completed: true });
    await turn();
    expect(scene.observations).toMatchObject([
      {
        binding: { name: "svc/o" },
        subject: { outcome: { status: 200, decidedBy: "upstream", failure: "", durationMs: 25, bytes: 19, open: false } },
      },
    ]);
  });

  it.each([
    ["a denial", deny({ status: 429, code: "quota_spent" }), { status: 429, decidedBy: "svc/decides", failure: "quota_spent" }],
    ["a failure", fail("timeout"), { status: 504, decidedBy: "svc/decides", failure: "interceptor_timeout" }],
  ])("are told of %s as the outcome", async (_what, review, outcome) => {
    const scene = new Scene([
      { bindings: [binding("decides", { phase: "pre-auth", review }), observer("o", { phase: "pre-auth" })] },
    ]);
    await scene.send();
    expect(scene.observations).toMatchObject([{ subject: { outcome } }]);
  });

  it("see what their phase settled, not what came after", async () => {
    const mutator = (id: string, phase: "pre-auth" | "pre-route") =>
      binding(id, {
        phase,
        writes: ["/request/headers", "/labels"],
        review: allow([setHeader("x-step", phase), { op: "add", path: "/labels/step", value: phase }]),
      });
    const caller = { ...ANONYMOUS, id: "alice", anonymous: false };
    const scene = new Scene([
      {
        authenticators: [{ name: "a", authenticate: () => ({ kind: "principal", principal: caller }) }],
        bindings: [
          mutator("one", "pre-auth"),
          mutator("two", "pre-route"),
          observer("early", { phase: "pre-auth" }),
          observer("late"),
        ],
      },
    ]);
    await scene.send();
    expect(
      scene.observations.map(({ binding: { name }, subject: { exchange } }) => [
        name,
        exchange.head.headers.first("x-step"),
        exchange.labels.get("step"),
        exchange.principal.id,
      ]),
    ).toEqual([
      ["svc/early", "pre-auth", "pre-auth", ""],
      ["svc/late", "pre-route", "pre-route", "alice"],
    ]);
  });

  it("of a phase that never began hear nothing", async () => {
    const scene = new Scene([
      {
        bindings: [
          binding("denies", { phase: "pre-auth", review: deny() }),
          observer("pre-route"),
          observer("after", { phase: "post-response" }),
        ],
      },
    ]);
    await scene.send();
    expect(scene.observations).toEqual([]);
  });

  it("of the phase the exchange ended in are shown the request only", async () => {
    const scene = new Scene([
      {
        bindings: [
          binding("denies", { phase: "post-response", review: deny() }),
          observer("after", { phase: "post-response", needs: ["/response"], body: "text" }),
        ],
      },
    ]);
    await scene.send();
    expect(scene.observations).toMatchObject([
      { subject: { exchange: { response: undefined }, responseBody: undefined, outcome: { status: 403 } } },
    ]);
  });

  it("are told when the client left (C7)", async () => {
    const scene = new Scene([{ bindings: [observer("o")] }]);
    scene.upstream.answer = (_request, cancel) =>
      new Promise((resolve) =>
        cancel.onAbort(() => resolve({ ok: false, error: { problem: "upstream_unreachable", cause: "cancelled" } })),
      );
    const flying = scene.begin();
    await turn();
    flying.leave();
    await flying.reply();
    expect(scene.observations).toMatchObject([{ subject: { outcome: { status: 499, decidedBy: "client" } } }]);
  });

  it("are chosen by selectors and conditions like any binding, and a condition that breaks off counts as a match", async () => {
    const unsure = observer("unsure", { when: () => "error" });
    const scene = new Scene([
      {
        bindings: [
          unsure,
          observer("left", { when: () => "no-match" }),
          observer("labelled", { selector: { routes: [], labels: { a: "b" }, manifest: {} } }),
        ],
      },
    ]);
    await scene.send();
    expect(scene.observations.map(({ binding: { name } }) => name)).toEqual(["svc/unsure"]);
    expect(unsure.tally.counts.whenErrors).toBe(1);
  });

  it("whose condition breaks cost the exchange nothing", async () => {
    const breaks = observer("breaks", {
      when: () => {
        throw new Error("a bug");
      },
    });
    const scene = new Scene([{ bindings: [breaks] }]);
    expect(await scene.send()).toMatchObject({ status: 200 });
    expect(scene.log.events).toEqual(["observe_failed"]);
    await scene.holder.close();
    expect(scene.retired).toBe(1);
  });

  it("of both places are told when the request moved (C2)", async () => {
    const mover = binding("mover", {
      writes: ["/request"],
      may: ["reroute"],
      review: allow([patch("replace", "/request/path", "/admin")]),
    });
    const scene = new Scene([
      { match: { path: "/open" }, bindings: [mover, observer("old"), observer("old-after", { phase: "post-response" })] },
      { match: { path: "/admin" }, bindings: [observer("new"), observer("late", { phase: "pre-auth" })] },
    ]);
    await scene.send({ target: "/open" });
    expect(scene.observations.map(({ binding: { name } }) => name).toSorted()).toEqual(["svc/late", "svc/new", "svc/old"]);
  });
});

describe("the notice of an exchange that stays open (C29)", () => {
  const streamed = (parts: BindingChoice = {}) => {
    const scene = new Scene([
      { bindings: [observer("o", { phase: "post-response", needs: ["/request/body"], body: "text", ...parts })] },
    ]);
    return { scene, begin: () => scene.begin({ method: "POST", body: "hello" }) };
  };

  it("comes 30 s after the head, with bodies; the one at the end comes without, under a review id of its own", async () => {
    const { scene, begin } = streamed();
    const answer = await begin().answer;
    scene.clock.advance(29_999);
    await turn();
    expect(scene.observations).toEqual([]);
    scene.clock.advance(1);
    await turn();
    expect(scene.observations).toMatchObject([
      { subject: { requestBody: { text: "hello" }, outcome: { open: true, status: 200, durationMs: 30_000 } } },
    ]);
    answer.onSent({ bytes: 1, completed: true });
    await turn();
    expect(scene.observations[1]).toMatchObject({ subject: { requestBody: undefined, outcome: { open: false, status: 200 } } });
    expect(new Set(scene.observations.map(({ reviewId }) => reviewId)).size).toBe(2);
  });

  it("comes before there is a response too, to observers of phases that began", async () => {
    const scene = new Scene([{ bindings: [observer("before"), observer("after", { phase: "post-response" })] }]);
    scene.upstream.answer = () => new Promise((resolve) => scene.clock.after(60_000, () => resolve(scene.upstream.respond())));
    const flying = scene.begin();
    await turn();
    scene.clock.advance(30_000);
    await turn();
    expect(scene.observations).toMatchObject([
      { binding: { name: "svc/before" }, subject: { outcome: { open: true, status: 0 } } },
    ]);
    scene.clock.advance(30_000);
    await flying.reply();
    expect(scene.observations.slice(1).map(({ binding: { name }, subject: { outcome } }) => [name, outcome?.open])).toEqual([
      ["svc/before", false],
      ["svc/after", false],
    ]);
  });

  it("does not come for an exchange that was over before, and leaves no timer", async () => {
    const { scene, begin } = streamed();
    await begin().reply();
    expect(scene.clock.pending).toBe(0);
    scene.clock.advance(60_000);
    expect(scene.observations).toHaveLength(1);
  });

  it("is not said after the last word, where the exchange ends while it is made ready", async () => {
    const reads = binding("reads", { needs: ["/request/body"], body: "text" });
    const scene = new Scene([{ bindings: [reads, observer("o", { needs: ["/request/body"], body: "text" })] }]);
    const body = new TrackedStream([gzipSync("hello")]);
    const answer = await scene.until(scene.begin({ method: "POST", headers: { "content-encoding": "gzip" }, body }).answer);
    scene.clock.advance(30_000);
    answer.onSent({ bytes: 1, completed: true });
    await vi.waitFor(() => expect(scene.observations).toHaveLength(1));
    await turn();
    expect(scene.observations.map(({ subject }) => [subject.outcome?.open, subject.requestBody])).toEqual([
      [false, { format: "text", text: "hello" }],
    ]);
  });

  it("is no timer at all where nobody observes", async () => {
    const scene = new Scene([{ bindings: [binding("b")] }]);
    await scene.begin().answer;
    expect(scene.clock.pending).toBe(0);
  });
});

describe("bodies for observers (C29)", () => {
  const wants = (side: "request" | "response", choice: BindingChoice = {}) =>
    observer(side, {
      phase: side === "request" ? "pre-route" : "post-response",
      needs: [`/${side}/body`],
      body: "text",
      limits: { maxBodyBytes: 20 },
      ...choice,
    });

  it("are copied while they pass, and hold nothing up", async () => {
    const scene = new Scene([{ bindings: [wants("request"), wants("response")] }]);
    const body = new TrackedStream(["hel", "lo"], { chunked: true });
    let stateAtUpstream = "";
    const send = scene.upstream.send.bind(scene.upstream);
    scene.upstream.send = (request, cancel) => {
      stateAtUpstream = body.state;
      return send(request, cancel);
    };
    expect(await scene.send({ method: "POST", body })).toMatchObject({ status: 200, text: '{"from":"upstream"}' });
    expect(stateAtUpstream).toBe("untouched");
    expect(scene.upstream.requests[0]!.body).toBe("hello");
    expect(scene.observations.map(({ subject }) => [subject.requestBody, subject.responseBody])).toEqual(
      [
        [{ format: "text", text: "hello" }, undefined],
        [undefined, { format: "text", text: '{"from":"upstream"}' }],
      ].map(([request, response], index) => (index === 1 ? [{ format: "text", text: "hello" }, response] : [request, response])),
    );
    expect(scene.room.takenBytes).toBe(0);
  });

  it("are decoded, and shown as the phase settled them", async () => {
    const patches = binding("patches", {
      needs: ["/request/body"],
      writes: ["/request/body"],
      body: "json",
      review: allow([patch("add", "/request/body/b", 2)]),
    });
    const scene = new Scene([{ bindings: [patches, wants("request", { phase: "pre-auth" }), wants("request", { id: "late" })] }]);
    await scene.send({
      method: "POST",
      headers: { ...JSON_TYPE, "content-encoding": "gzip" },
      body: new TrackedStream([gzipSync('{"a":1}')]),
    });
    await vi.waitFor(() => expect(scene.observations).toHaveLength(2));
    expect(scene.observations.map(({ subject }) => subject.requestBody)).toEqual([
      { format: "text", text: '{"a":1}' },
      { format: "text", text: '{"a":1,"b":2}' },
    ]);
  });

  it.each([
    ["too large", ["x".repeat(30)], {}],
    ["too large in chunks", ["x".repeat(15), "x".repeat(15)], { chunked: true }],
    ["of a kind that cannot be shown", [new Uint8Array([0xff])], {}],
  ] as const)("that are %s are left out, never refused", async (_what, chunks, choice) => {
    const scene = new Scene([{ bindings: [wants("request")] }]);
    expect(await scene.send({ method: "POST", body: new TrackedStream(chunks, choice) })).toMatchObject({ status: 200 });
    expect(scene.observations).toMatchObject([{ subject: { requestBody: undefined } }]);
    expect(scene.room.takenBytes).toBe(0);
  });

  it("are left out where the process has no room, never refused", async () => {
    const scene = new Scene([{ bindings: [wants("request"), wants("response")] }], { roomBytes: 3 });
    expect(await scene.send({ method: "POST", body: "hello" })).toMatchObject({ status: 200 });
    expect(scene.observations.map(({ subject }) => [subject.requestBody, subject.responseBody])).toEqual([
      [undefined, undefined],
      [undefined, undefined],
    ]);
  });

  it("of event streams are not copied", async () => {
    const scene = new Scene([{ bindings: [wants("response")] }]);
    scene.upstream.answer = () => scene.upstream.respond({ headers: [["content-type", "text/event-stream"]] });
    await scene.send();
    expect(scene.observations).toMatchObject([{ subject: { responseBody: undefined } }]);
  });

  it("do not come along in the exchange: what waits in the queue holds views only", async () => {
    const reads = binding("reads", { needs: ["/request/body"], body: "text" });
    const scene = new Scene([{ bindings: [reads, observer("o")] }]);
    await scene.send({ method: "POST", body: "hello" });
    expect(scene.observations).toMatchObject([{ subject: { exchange: { body: undefined }, requestBody: undefined } }]);
  });
});

it("an observation keeps its plan alive until it is released, once", async () => {
  const scene = new Scene([{ bindings: [observer("o"), observer("p")] }]);
  await scene.send();
  const closed = scene.holder.close();
  const [first, second] = scene.observations;
  first!.release();
  first!.release();
  await turn();
  expect(scene.retired).toBe(0);
  second!.release();
  await closed;
  expect(scene.retired).toBe(1);
});
