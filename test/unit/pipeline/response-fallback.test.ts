import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { HeaderLines } from "../../../src/model/header-lines.ts";
import { err, ok } from "../../../src/model/result.ts";
import { upstreamRequests } from "../../../src/policies/forward/to-upstream-request.ts";
import type { FallbackUpstream } from "../../../src/ports/runnable-plan.ts";
import { allow, binding } from "../../support/fake-binding.ts";
import { HandStream } from "../../support/byte-flow.ts";
import { FakeUpstream } from "../../support/fake-upstream.ts";
import { Scene, type RequestChoice } from "../../support/pipeline.ts";
import { TrackedStream } from "../../support/tracked-stream.ts";
import { turn } from "../../support/turn.ts";

const GEO = "unsupported_country_region_territory";

type Terms = Partial<NonNullable<FallbackUpstream["on"]>>;

/** A relay that answers 203, and is asked on a response. */
function relay(terms: Terms = {}, name = "relay"): FallbackUpstream & { readonly fake: FakeUpstream; uses: number } {
  const fake = new FakeUpstream();
  fake.answer = () => fake.respond({ status: 203, body: [`by ${name}`] });
  const self = {
    ...{ name, fake, upstream: fake, uses: 0 },
    on: { of: "origin", upstream: name, statuses: [403], bodyContains: GEO, maxBodyBytes: 1024, ...terms },
    used: { add: () => void (self.uses += 1) },
    toUpstream: upstreamRequests({
      inboundSlots: [],
      credential: { slot: { kind: "bearer" }, reveal: () => `secret of ${name}` },
    }),
  };
  return self;
}

interface Refusing {
  readonly status?: number;
  readonly body?: readonly (string | Uint8Array)[] | undefined;
  readonly type?: string;
  readonly coding?: string;
  readonly chunked?: boolean;
}

const REFUSAL = [`{"error":{"code":"${GEO}"}}`];

/** A scene whose upstream answers so. */
function sceneOf(refusing: Refusing, ...fallbacks: readonly FallbackUpstream[]): Scene {
  const scene = new Scene([{ fallbacks }]);
  const { status = 403, type = "application/json", coding, chunked = false } = refusing;
  scene.upstream.answer = () =>
    scene.upstream.respond({
      status,
      headers: [["content-type", type], ...(coding === undefined ? [] : [["content-encoding", coding] as const])],
      body: "body" in refusing ? refusing.body : REFUSAL,
      stream: { chunked },
    });
  return scene;
}

const POST: RequestChoice = { method: "POST", headers: { "content-type": "application/json" }, body: '{"model":"m"}' };

describe("a fallback on a response", () => {
  it("is asked the same, POST included, with its own credential, and its answer counts", async () => {
    const spare = relay();
    const scene = sceneOf({}, spare);
    const reply = await scene.send(POST);
    expect([reply.status, reply.text]).toEqual([203, "by relay"]);
    expect(scene.upstream.requests.map(({ body }) => body)).toEqual(['{"model":"m"}']);
    expect(spare.fake.requests[0]).toMatchObject({ method: "POST", body: '{"model":"m"}' });
    expect(spare.fake.requests[0]?.headers).toEqual(expect.arrayContaining(["authorization", "Bearer secret of relay"]));
    expect(reply.record).toMatchObject({ upstream: "relay" });
    expect(spare.uses).toBe(1);
    expect(scene.upstream.bodies[0]?.isOver).toBe(true);
  });

  it.each<readonly [string, Refusing]>([
    ["another status", { status: 401 }],
    ["another text", { body: ['{"error":{"code":"forbidden"}}'] }],
    ["no body", { body: undefined }],
    ["more than is read", { body: [GEO, "x".repeat(70_000)], chunked: true }],
    ["more than is read, by its own word", { body: [GEO, "x".repeat(70_000)] }],
    ["a stream of events", { type: "text/event-stream", chunked: true }],
    ["a coding nobody knows", { coding: "unknown" }],
    ["a coding it is not in", { coding: "gzip" }],
  ])("is not asked for %s, and that is the answer, byte for byte", async (_name, refusing) => {
    const spare = relay();
    const reply = await sceneOf(refusing, spare).send(POST);
    expect(reply.status).toBe(refusing.status ?? 403);
    expect(reply.text).toBe(("body" in refusing ? (refusing.body ?? []) : REFUSAL).join(""));
    expect(spare.fake.requests).toEqual([]);
    expect(reply.record).toMatchObject({ upstream: "origin", ending: { kind: "forwarded" } });
  });

  it("reads what is compressed", async () => {
    const spare = relay();
    expect((await sceneOf({ coding: "gzip", body: [gzipSync(REFUSAL[0] ?? "")] }, spare).send(POST)).status).toBe(203);
  });

  it("reads nothing where the status says it all, and gives the body up", async () => {
    const spare = relay({ bodyContains: undefined });
    const scene = sceneOf({ chunked: true }, spare);
    expect((await scene.send(POST)).status).toBe(203);
    expect(scene.upstream.bodies[0]?.state).toBe("discarded");
  });

  it("does not take a body that breaks off for an answer of its kind", async () => {
    const spare = relay();
    const scene = sceneOf({}, spare);
    scene.upstream.answer = () =>
      scene.upstream.respond({ status: 403, body: [GEO], stream: { chunked: true, breaksWith: "gone" } });
    expect((await scene.send(POST)).record.complete).toBe(false);
    expect(spare.fake.requests).toEqual([]);
  });

  it("is not asked where what decides does not come within 5 s: that is the answer, from its first byte on", async () => {
    const spare = relay();
    const scene = new Scene([{ fallbacks: [spare] }]);
    const stream = new HandStream();
    scene.upstream.answer = () => ok({ status: 403, headers: HeaderLines.EMPTY, body: stream });
    const flying = scene.begin({ method: "POST", body: new TrackedStream(["q"]) });
    await expect.poll(() => stream.sink).toBeDefined();
    stream.write("no");
    scene.clock.advance(5_000);
    await turn();
    stream.write("body");
    stream.sink?.end();
    expect(await flying.reply()).toMatchObject({ status: 403, text: "nobody" });
    expect(spare.uses).toBe(0);
  });

  it("is asked after a 5xx for what may be done twice only", async () => {
    const spare = relay({ statuses: [503], bodyContains: undefined });
    const scene = sceneOf({ status: 503 }, spare);
    expect((await scene.send(POST)).status).toBe(503);
    expect((await scene.send({})).status).toBe(203);
    expect(spare.fake.requests.map(({ method }) => method)).toEqual(["GET"]);
  });

  it.each([
    ["larger than is kept", () => new TrackedStream(["x".repeat(2000)])],
    ["of no known length", () => new TrackedStream(["x"], { chunked: true })],
  ])("is not asked for a request %s, which leaves as it comes", async (_name, body) => {
    const spare = relay();
    const scene = sceneOf({}, spare);
    const reply = await scene.send({ ...POST, body: body() });
    expect(reply.status).toBe(403);
    expect(scene.upstream.requests).toHaveLength(1);
    expect(spare.fake.requests).toEqual([]);
  });

  it("keeps no request where the process has no room for it", async () => {
    const spare = relay();
    const scene = new Scene([{ fallbacks: [spare] }], { roomBytes: 4 });
    scene.upstream.answer = () => scene.upstream.respond({ status: 403, body: REFUSAL });
    expect((await scene.send(POST)).status).toBe(403);
    expect(spare.fake.requests).toEqual([]);
  });

  it("is refused like any request whose body breaks off, and nobody is asked", async () => {
    const spare = relay();
    const scene = sceneOf({}, spare);
    const body = new TrackedStream(["xxxx", "yyyy"], { breaksWith: "gone" });
    expect((await scene.send({ ...POST, body })).problem).toMatchObject({ status: 400 });
    expect([scene.upstream.requests, spare.fake.requests]).toEqual([[], []]);
  });

  it("is one of the upstream it was named for, and may have another behind it; each is asked once", async () => {
    const [first, second] = [relay(), relay({ of: "relay" }, "second")];
    first.fake.answer = () => first.fake.respond({ status: 403, body: REFUSAL });
    const again = relay({ of: "second" });
    const scene = sceneOf({}, first, second, again);
    expect((await scene.send(POST)).text).toBe("by second");
    expect([first.uses, second.uses, again.uses]).toEqual([1, 1, 0]);
    expect((await sceneOf({}, relay({ of: "other" })).send(POST)).status).toBe(403);
  });

  it("is not asked where there was no response, and has the last word where it fails", async () => {
    const spare = relay();
    const silent = sceneOf({}, spare);
    silent.upstream.answer = () => err({ problem: "upstream_unreachable", cause: "refused", mayBeSentElsewhere: true });
    expect((await silent.send({})).status).toBe(502);
    expect(spare.fake.requests).toEqual([]);
    const failing = relay();
    failing.fake.answer = () => err({ problem: "upstream_timeout", cause: "slow" });
    const reply = await sceneOf({}, failing).send(POST);
    expect([reply.status, reply.record.upstream]).toEqual([504, "relay"]);
  });

  it("is nothing a binding is asked about again, and what was chosen is what is reviewed (C5)", async () => {
    const [before, after] = [
      binding("before", { phase: "pre-route", review: allow() }),
      binding("after", { phase: "post-response" }),
    ];
    const scene = new Scene([{ bindings: [before, after], fallbacks: [relay()] }]);
    scene.upstream.answer = () => scene.upstream.respond({ status: 403, body: REFUSAL });
    await scene.send(POST);
    expect([before.asked.length, after.asked.length]).toEqual([1, 1]);
    expect(after.asked[0]?.subject.exchange.response?.status).toBe(203);
  });

  it("gives the room for a kept request back", async () => {
    const scene = sceneOf({}, relay());
    await scene.send(POST);
    expect(scene.room.takenBytes).toBe(0);
  });
});
