import { describe, expect, it } from "vitest";
import { allow, binding, deny, respond, type BindingChoice } from "../../support/fake-binding.ts";
import { Scene } from "../../support/pipeline.ts";
import { TrackedStream } from "../../support/tracked-stream.ts";

const responder = (choice: BindingChoice = {}) => binding("responder", { may: ["respond"], review: respond(), ...choice });

describe("a respond verdict (C12)", () => {
  it("at pre-auth ends the exchange like a deny: nothing after it runs", async () => {
    const later = binding("later");
    const after = binding("after", { phase: "post-response" });
    const scene = new Scene([
      {
        bindings: [responder({ phase: "pre-auth" }), later, after],
        authenticators: [{ name: "strict", authenticate: () => ({ kind: "absent" }) }],
      },
    ]);
    const body = new TrackedStream(["unread"]);
    const reply = await scene.send({ method: "POST", body });
    expect(reply).toMatchObject({
      status: 200,
      text: "from the interceptor",
      record: { ending: { kind: "responded", status: 200, decidedBy: "svc/responder" }, upstream: "" },
    });
    expect(reply.headers["x-request-id"]).toBe("req-1");
    expect([later, after].flatMap(({ asked }) => asked)).toEqual([]);
    expect(scene.upstream.requests).toEqual([]);
    expect(body.state).toBe("discarded");
  });

  it("at pre-route takes the place of forward: the other bindings and post-response still run (C28)", async () => {
    const other = binding("other", { order: [0, 9] });
    const validator = binding("validator", { mode: "validate" });
    const after = binding("after", {
      phase: "post-response",
      writes: ["/response/headers/x-reviewed"],
      review: allow([{ op: "add", path: "/response/headers/x-reviewed", value: "yes" }]),
    });
    const scene = new Scene([{ bindings: [responder(), other, validator, after] }]);
    const reply = await scene.send();
    expect(reply).toMatchObject({
      status: 200,
      text: "from the interceptor",
      headers: { "x-reviewed": "yes" },
      record: { ending: { kind: "responded", decidedBy: "svc/responder" }, upstream: "" },
    });
    expect([other, validator, after].map(({ asked }) => asked.length)).toEqual([1, 1, 1]);
    expect(scene.upstream.requests).toEqual([]);
  });

  it("at pre-route does not outrank a deny", async () => {
    const scene = new Scene([{ bindings: [responder(), binding("validator", { mode: "validate", review: deny() })] }]);
    expect(await scene.send()).toMatchObject({ status: 403, record: { ending: { kind: "denied" } } });
  });

  it("shows a binding after it the request's body, which nobody has read yet", async () => {
    const after = binding("after", { phase: "post-response", needs: ["/request/body"], body: "text" });
    await new Scene([{ bindings: [responder(), after] }]).send({ method: "POST", body: "hello" });
    expect(after.asked[0]!.subject.requestBody).toEqual({ format: "text", text: "hello" });
  });

  it.each([
    ["at post-response", { phase: "post-response" }],
    ["without the power", { may: [] }],
  ] as const)("is invalid %s", async (_what, choice) => {
    expect(await new Scene([{ bindings: [responder(choice)] }]).send()).toMatchObject({
      status: 502,
      record: { reviews: [{ ending: { failure: { kind: "invalid", reason: "contract" } } }] },
    });
  });

  it("is invalid when another one came before it", async () => {
    const second = binding("second", {
      order: [0, 1],
      may: ["respond"],
      failurePolicy: "fail-open",
      review: respond({ status: 201 }),
    });
    expect(await new Scene([{ bindings: [responder(), second] }]).send()).toMatchObject({
      status: 200,
      record: { reviews: [{}, { ending: { kind: "failure", failure: { reason: "contract" } } }] },
    });
  });

  it("loses hop-by-hop and gateway headers on its way out", async () => {
    const reply = await new Scene([
      { bindings: [responder({ review: respond({ headers: [{ name: "x-request-id", value: "forged" }] }) })] },
    ]).send();
    expect(reply.headers["x-request-id"]).toBe("req-1");
  });
});

describe("what post-response sees (C28)", () => {
  it.each([
    ["a denial", [binding("denies", { review: deny() })]],
    ["a problem of the gateway's own", [binding("breaks", { review: () => Promise.reject(new Error("a bug")) })]],
  ])("is never %s", async (_what, bindings) => {
    const after = binding("after", { phase: "post-response" });
    await new Scene([{ bindings: [...bindings, after] }]).send();
    expect(after.asked).toEqual([]);
  });

  it("is never the answer to a failing upstream", async () => {
    const after = binding("after", { phase: "post-response" });
    const scene = new Scene([{ bindings: [after] }]);
    scene.upstream.answer = () => ({ ok: false, error: { problem: "upstream_timeout", cause: "first byte" } });
    expect(await scene.send()).toMatchObject({
      status: 504,
      problem: { code: "upstream_timeout" },
      record: { ending: { kind: "failed", decidedBy: "origin" } },
    });
    expect(after.asked).toEqual([]);
  });

  it("is every response of the upstream as its route shows it, errors included, without hop-by-hop fields", async () => {
    const after = binding("after", { phase: "post-response" });
    const scene = new Scene([{ bindings: [after], upstreamErrors: { client: "verbatim", server: "verbatim" } }]);
    scene.upstream.answer = () =>
      scene.upstream.respond({
        status: 500,
        headers: [
          ["connection", "x-secret"],
          ["x-secret", "1"],
          ["sallyport-any", "1"],
        ],
      });
    await scene.send();
    expect(after.asked[0]!.subject.exchange.response).toMatchObject({ status: 500 });
    expect([...(after.asked[0]!.subject.exchange.response?.headers.names() ?? [])]).toEqual(["x-request-id", "x-correlation-id"]);
  });
});
