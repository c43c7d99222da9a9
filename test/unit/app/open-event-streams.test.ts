import { describe, expect, it } from "vitest";
import { OpenEventStreams } from "../../../src/app/open-event-streams.ts";
import { FakeClock } from "../../support/fake-clock.ts";

describe("the streams of events that clients can go on with elsewhere", () => {
  const scene = () => {
    const clock = new FakeClock();
    const ended: number[] = [];
    const streams = new OpenEventStreams(clock);
    return { clock, ended, streams, enter: (id: number) => streams.enter(() => void ended.push(id)) };
  };

  it("are ended one after the other when the process ends, those that were left before not", () => {
    const { clock, ended, streams, enter } = scene();
    for (const id of [0, 1, 2, 3]) enter(id);
    const leave = enter(4);
    leave();
    leave();
    expect(streams.size).toBe(4);
    streams.drain(400);
    streams.drain(400);
    expect(ended).toEqual([0]);
    clock.advance(100);
    expect(ended).toEqual([0, 1]);
    clock.advance(300);
    expect([ended, streams.size]).toEqual([[0, 1, 2, 3], 0]);
  });

  it("are not ended where they were left meanwhile, and those that still come are ended at once", () => {
    const { clock, ended, streams, enter } = scene();
    enter(0);
    const leave = enter(1);
    streams.drain(100);
    leave();
    enter(2);
    expect(ended).toEqual([0]);
    clock.advance(0);
    expect(ended).toEqual([0, 2]);
    clock.advance(100);
    expect(ended).toEqual([0, 2]);
  });
});
