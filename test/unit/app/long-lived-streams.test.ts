import { describe, expect, it } from "vitest";
import { LongLivedStreams, MAX_AT_ONCE } from "../../../src/app/long-lived-streams.ts";
import { parts } from "../../support/long-lived.ts";
import { turn } from "../../support/pipeline.ts";

describe("open long-lived exchanges (C36)", () => {
  it("asks again after valid_for, renews on an allow, and leaves no timer behind when the stream ends", async () => {
    const { streams, clock, asked, stream } = parts();
    const leave = streams.enter(stream({ validForMs: 5000 }));
    clock.advance(4999);
    expect(asked).toHaveLength(0);
    clock.advance(1);
    await turn();
    clock.advance(5000);
    await turn();
    expect(asked.map(({ count }) => count)).toEqual([1, 2]);
    leave?.();
    leave?.();
    expect([streams.size, clock.pending]).toEqual([0, 0]);
  });

  it("asks at once when the service that set a tag revokes it, and closes on a denial", async () => {
    const { streams, clock, asked, closed, stream, answerWith } = parts();
    streams.enter(stream({ tags: ["user-1"] }));
    streams.revoked("other", ["user-1"]);
    streams.revoked("svc", ["user-2"]);
    expect(asked).toHaveLength(0);
    answerWith("closed");
    streams.revoked("svc", ["user-1"]);
    await turn();
    expect(closed).toEqual(["review_denied"]);
    expect([streams.size, clock.pending]).toEqual([0, 0]);
  });

  it("asks about everything with a tag of a service whose revokes nobody heard for a while", async () => {
    const { streams, asked, stream } = parts();
    const tagged = stream({ tags: ["user-1", "user-2"] });
    streams.enter(tagged);
    streams.enter(stream({ validForMs: 60_000 }));
    streams.revoked("sv", "any");
    expect(asked).toHaveLength(0);
    streams.revoked("svc", "any");
    expect(asked.map(({ stream: about }) => about)).toEqual([tagged]);
    await turn();
  });

  it("gives a failure one grace and closes at the second", async () => {
    const { streams, clock, closed, stream, answerWith } = parts();
    answerWith("failed");
    streams.enter(stream({ validForMs: 3000 }));
    clock.advance(3000);
    await turn();
    expect(closed).toEqual([]);
    clock.advance(3000);
    await turn();
    expect(closed).toEqual(["interceptor_unavailable"]);
    expect(clock.pending).toBe(0);
  });

  it("counts a failure during which another revoke came: a service that revokes and never answers keeps no stream open", async () => {
    const { streams, asked, closed, stream, answerWith, hold } = parts();
    answerWith("failed");
    streams.enter(stream({ tags: ["a"] }));
    const go = hold();
    streams.revoked("svc", ["a"]);
    streams.revoked("svc", ["a"]);
    go();
    await turn();
    expect([asked.length, closed]).toEqual([2, ["interceptor_unavailable"]]);
  });

  it("asks at once about a stream whose service revoked between the verdict and the stream", () => {
    const { streams, clock, asked, stream } = parts();
    clock.advance(10);
    const late = stream({ tags: ["a"], startedMs: 5 });
    streams.revoked("svc", ["a"]);
    streams.enter(late);
    expect(asked).toHaveLength(1);
  });

  it("asks about a bounded number of streams at once, and about all in the end", async () => {
    const { streams, asked, stream, hold, most } = parts();
    for (let i = 0; i < 1000; i += 1) streams.enter(stream({ tags: ["all"] }));
    const go = hold();
    streams.revoked("svc", ["all"]);
    expect(asked).toHaveLength(MAX_AT_ONCE);
    go();
    for (let i = 0; i < 100 && asked.length < 1000; i += 1) await turn();
    expect(asked).toHaveLength(1000);
    expect(most()).toBe(MAX_AT_ONCE);
  });

  it("refuses a stream it has no room for", () => {
    const { deps, stream } = parts();
    const streams = new LongLivedStreams({ ...deps, maxStreams: 1 });
    expect(streams.enter(stream({}))).toBeTypeOf("function");
    expect(streams.enter(stream({}))).toBeUndefined();
  });
});
