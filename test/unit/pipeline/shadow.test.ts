import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it, vi } from "vitest";
import type { Phase } from "@sallyport/contract/phase.ts";
import { isSampled } from "../../../src/support/is-sampled.ts";
import { allow, binding, deny, fail, patch, respond, setHeader, type BindingChoice } from "../../support/fake-binding.ts";
import { Scene, turn } from "../../support/pipeline.ts";
import { TrackedStream } from "../../support/tracked-stream.ts";

const shadow = (id: string, choice: BindingChoice = {}) => binding(id, { enforcement: "shadow", ...choice });

const PHASES: readonly Phase[] = ["pre-auth", "pre-route", "post-response"];

/** Needs no flag of the process: it asks for the collector where it needs it. */
function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  const collect: unknown = runInNewContext("gc");
  if (typeof collect !== "function") throw new Error("no garbage collector to be called");
  collect();
}

const names = (scene: Scene): readonly string[] => scene.shadows.map(({ binding: { name } }) => name);

describe("a shadow binding (C33)", () => {
  it.each(PHASES.flatMap((phase) => (["mutate", "validate"] as const).map((mode) => [phase, mode] as const)))(
    "at %s in mode %s is queued and never asked on the path",
    async (phase, mode) => {
      const tried = shadow("tried", { phase, mode, review: deny(), ownsHeaders: ["x-owned"], writes: ["/request/headers"] });
      const scene = new Scene([{ bindings: [tried] }]);
      const answer = await scene.send({ headers: { "x-owned": "by the client" } });
      expect(answer).toMatchObject({
        status: 200,
        text: '{"from":"upstream"}',
        record: { reviews: [], latency: { reviewMs: 0 } },
      });
      const sent = scene.upstream.requests[0]!.headers;
      expect(sent[sent.indexOf("x-owned") + 1]).toBe("by the client");
      expect(tried.asked).toEqual([]);
      expect(names(scene)).toEqual(["svc/tried"]);
    },
  );

  it("sees what the enforcing mutators before it left, and a validator the settled request", async () => {
    const step = (id: string, order: number) =>
      binding(id, { order: [0, order], writes: ["/request/headers"], review: allow([setHeader("x-step", id)]) });
    const scene = new Scene([
      {
        bindings: [
          shadow("first", { order: [0, 0] }),
          step("one", 1),
          shadow("between", { order: [0, 2] }),
          step("two", 3),
          shadow("last", { order: [0, 4] }),
          shadow("judge", { mode: "validate", order: [0, 0] }),
        ],
      },
    ]);
    await scene.send();
    expect(scene.shadows.map(({ binding: { name }, subject }) => [name, subject.exchange.head.headers.first("x-step")])).toEqual([
      ["svc/first", undefined],
      ["svc/between", "one"],
      ["svc/last", "two"],
      ["svc/judge", "two"],
    ]);
  });

  it("is not asked where the exchange ends before its turn", async () => {
    const scene = new Scene([
      {
        bindings: [
          shadow("before", { phase: "pre-auth" }),
          binding("denies", { phase: "pre-auth", order: [0, 1], review: deny() }),
          shadow("behind", { phase: "pre-auth", order: [0, 2] }),
          shadow("later"),
          shadow("after", { phase: "post-response" }),
        ],
      },
    ]);
    expect(await scene.send()).toMatchObject({ status: 403 });
    expect(names(scene)).toEqual(["svc/before"]);
  });

  it("is chosen by selectors and conditions on its own snapshot; a broken condition counts as a match", async () => {
    const scene = new Scene([
      {
        bindings: [
          shadow("left", { when: () => "no-match" }),
          shadow("unsure", { when: () => "error" }),
          shadow("labelled", { selector: { routes: [], labels: { a: "b" }, manifest: {} } }),
          shadow("breaks", {
            when: () => {
              throw new Error("a bug");
            },
          }),
        ],
      },
    ]);
    expect(await scene.send()).toMatchObject({ status: 200 });
    expect(names(scene)).toEqual(["svc/unsure"]);
    expect(scene.log.events).toContain("shadow_failed");
  });

  it("that selects a place makes no move of a patch that leaves or enters it (C1)", async () => {
    const rewrites = binding("rewrites", {
      writes: ["/request"],
      review: allow([patch("replace", "/request/path", "/b")]),
    });
    const tried = shadow("tried", { order: [0, 1], selector: { routes: [], paths: ["/a"], manifest: {} } });
    const scene = new Scene([{ bindings: [rewrites, tried] }]);
    expect(await scene.send({ target: "/a" })).toMatchObject({ status: 200 });
  });

  it("is shown a captured body at its turn", async () => {
    const reads = binding("reads", { needs: ["/request/body"], body: "text" });
    const tried = shadow("tried", { needs: ["/request/body"], body: "text", order: [0, 1] });
    const scene = new Scene([{ bindings: [reads, tried] }]);
    scene.upstream.answer = async () => {
      await turn();
      expect(names(scene)).toEqual(["svc/tried"]);
      return scene.upstream.respond();
    };
    await scene.send({ method: "POST", body: "hello" });
    expect(scene.shadows).toMatchObject([{ subject: { requestBody: { text: "hello" }, exchange: { body: undefined } } }]);
  });

  it("takes no room of its own for a body that is captured anyway, whenever its turn was", async () => {
    const tried = shadow("tried", { needs: ["/request/body"], body: "text", order: [0, 0] });
    const reads = binding("reads", { needs: ["/request/body"], body: "text", order: [0, 1] });
    const scene = new Scene([{ bindings: [tried, reads] }]);
    let heldBytes = -1;
    scene.upstream.answer = () => {
      heldBytes = scene.room.takenBytes;
      return scene.upstream.respond();
    };
    await scene.send({ method: "POST", body: new TrackedStream(["hel", "lo"], { chunked: true }) });
    expect(heldBytes).toBe(5);
    expect(scene.shadows).toMatchObject([{ subject: { requestBody: { text: "hello" } } }]);
    expect(scene.room.takenBytes).toBe(0);
  });

  it("is shown a copy where nobody captures the body, which flows on unhindered", async () => {
    const tried = shadow("tried", { needs: ["/request/body"], body: "text" });
    const after = shadow("after", { phase: "post-response", needs: ["/response/body"], body: "text" });
    const scene = new Scene([{ bindings: [tried, after] }]);
    const body = new TrackedStream(["hel", "lo"], { chunked: true });
    let stateAtUpstream = "";
    const send = scene.upstream.send.bind(scene.upstream);
    scene.upstream.send = (request, cancel) => {
      stateAtUpstream = body.state;
      return send(request, cancel);
    };
    await scene.send({ method: "POST", body });
    expect(stateAtUpstream).toBe("untouched");
    await vi.waitFor(() => expect(scene.shadows).toHaveLength(2));
    expect(scene.shadows.map(({ subject }) => subject.requestBody ?? subject.responseBody)).toMatchObject([
      { text: "hello" },
      { text: "hello" },
    ]);
    expect(scene.shadows[1]).toMatchObject({ subject: { responseBody: { text: '{"from":"upstream"}' } } });
    expect(scene.room.takenBytes).toBe(0);
  });

  it.each(["shadow", "observer"])(
    "takes no room from bindings that decide: a %s's copies are half of it at most",
    async (kind) => {
      const limits = { needs: ["/request/body"], body: "text", limits: { maxBodyBytes: 1000 } } as const;
      const aside = kind === "shadow" ? shadow("aside", limits) : binding("aside", { mode: "observe", ...limits });
      const routes = [
        { match: { path: "/watched" }, bindings: [aside] },
        { match: { path: "/judged" }, bindings: [binding("judge", limits)] },
      ];
      const scene = new Scene(routes, { roomBytes: 1000 });
      const bodies = ["x".repeat(600), "x".repeat(450), "x".repeat(100)].map(
        (text) => new TrackedStream([text], { chunked: true, stalls: true }),
      );
      const open = bodies.map((body) => scene.begin({ method: "POST", target: "/watched", body }));
      await turn();
      expect(scene.room.takenBytes).toBe(450);
      expect(await scene.send({ method: "POST", target: "/judged", body: "x".repeat(550) })).toMatchObject({ status: 200 });
      for (const flying of open) flying.leave();
      for (const flying of open) await flying.reply();
      expect(scene.room.takenBytes).toBe(0);
    },
  );

  it.each([
    ["too large", "x".repeat(30)],
    ["of a kind that cannot be shown", new TrackedStream([new Uint8Array([0xff])])],
  ] as const)("is asked without a body that is %s, and refuses nothing (C18)", async (_what, body) => {
    const tried = shadow("tried", { needs: ["/request/body"], body: "text", limits: { maxBodyBytes: 20 } });
    const scene = new Scene([{ bindings: [tried] }]);
    expect(await scene.send({ method: "POST", body })).toMatchObject({ status: 200 });
    expect(scene.shadows).toMatchObject([{ subject: { requestBody: undefined } }]);
    expect(scene.room.takenBytes).toBe(0);
  });

  it("does not change what an enforcing binding sees, nor its turn", async () => {
    const tried = shadow("tried", { writes: ["/request/headers"], review: allow([setHeader("x-shadow", "1")]) });
    const judge = binding("judge", { mode: "validate" });
    const scene = new Scene([{ bindings: [tried, judge] }]);
    await scene.send();
    expect(judge.asked).toHaveLength(1);
    expect(judge.asked[0]!.subject.exchange.head.headers.has("x-shadow")).toBe(false);
  });

  it("holds nothing in its queue that is not counted there, such as the bodies others captured", async () => {
    const reads = binding("reads", { needs: ["/request/body"], body: "text" });
    const scene = new Scene([{ bindings: [reads, shadow("tried", { order: [0, 1] })] }]);
    let captured: WeakRef<object> | undefined;
    const send = scene.upstream.send.bind(scene.upstream);
    scene.upstream.send = (request, cancel) => {
      if (request.body instanceof Uint8Array) captured = new WeakRef(request.body);
      return send(request, cancel);
    };
    await scene.send({ method: "POST", body: "hello" });
    reads.asked.length = 0;
    expect(scene.shadows).toHaveLength(1);
    expect(captured).toBeDefined();
    for (let i = 0; i < 10 && captured?.deref() !== undefined; i += 1) {
      await turn();
      collectGarbage();
    }
    expect(captured?.deref()).toBeUndefined();
  });

  it("keeps its plan alive until it was asked", async () => {
    const scene = new Scene([{ bindings: [shadow("tried")] }]);
    await scene.send();
    const closed = scene.holder.close();
    await turn();
    expect(scene.retired).toBe(0);
    scene.shadows[0]!.release();
    await closed;
    expect(scene.retired).toBe(1);
  });
});

describe("what a shadow's verdict is worth (C33)", () => {
  const judged = async (choice: BindingChoice, verdict: ReturnType<typeof allow>) => {
    const scene = new Scene([{ match: { path: "/open" }, bindings: [shadow("tried", choice)] }, { match: { path: "/admin" } }]);
    await scene.send({ target: "/open" });
    const [review] = scene.shadows;
    if (!verdict.ok || review === undefined) throw new Error("nothing to judge");
    return review.judge?.(verdict.value, review.subject);
  };

  it.each([
    ["a deny", {}, deny(), { ok: true, value: { kind: "deny" } }],
    ["an allow", {}, allow(), { ok: true, value: { kind: "allow" } }],
    ["a patch it may make", { writes: ["/request/headers"] }, allow([setHeader("x-a", "1")]), { ok: true }],
    ["a patch it may not make", {}, allow([setHeader("x-a", "1")]), { ok: false, error: { kind: "invalid" } }],
    ["a patch of a validator", { mode: "validate" }, allow([setHeader("x-a", "1")]), { ok: false, error: { kind: "invalid" } }],
    ["a move without the power", { writes: ["/request"] }, allow([patch("replace", "/request/path", "/admin")]), { ok: false }],
    ["a respond without the power", { mode: "validate" }, respond(), { ok: false, error: { kind: "invalid" } }],
  ] as const)("is, for %s, what an enforcing one's would be", async (_what, choice, verdict, result) => {
    expect(await judged(choice, verdict)).toMatchObject(result);
  });

  it("is nothing where there is no usable verdict", () => {
    expect(fail("timeout").ok).toBe(false);
  });
});

describe("percent (C33)", () => {
  const share = (percent: number): number => {
    let sampled = 0;
    for (let i = 0; i < 10_000; i += 1) if (isSampled(`request-${i}`, percent)) sampled += 1;
    return sampled / 100;
  };

  it.each([1, 10, 50, 90])("takes about %i of a hundred exchanges", (percent) => {
    expect(Math.abs(share(percent) - percent)).toBeLessThan(2);
  });

  it("takes all at 100, and whom it takes at a small share also at a larger one", () => {
    expect(share(100)).toBe(100);
    for (let i = 0; i < 1000; i += 1) if (isSampled(`r${i}`, 10)) expect(isSampled(`r${i}`, 20)).toBe(true);
  });

  it("chooses one exchange for all phases, or for none", async () => {
    const scene = new Scene([{ bindings: PHASES.map((phase) => shadow(`at-${phase}`, { phase, percent: 50 })) }]);
    for (let i = 0; i < 20; i += 1) await scene.send();
    const asked = new Map<string, number>();
    for (const { subject } of scene.shadows) {
      const { requestId } = subject.exchange.ids;
      asked.set(requestId, (asked.get(requestId) ?? 0) + 1);
    }
    expect([...asked.values()].every((count) => count % 3 === 0)).toBe(true);
  });
});
