import { describe, expect, it } from "vitest";
import { DeadlineAlarm } from "../../../../../src/adapters/upstream/http1/deadline-alarm.ts";
import type { Clock } from "../../../../../src/ports/clock.ts";
import { FakeClock } from "../../../../support/fake-clock.ts";

/** A clock that counts the timers set. */
function counting(clock: Clock): Clock & { timers: number } {
  return {
    timers: 0,
    nowMs: () => clock.nowMs(),
    wallMs: () => clock.wallMs(),
    after(delayMs, task) {
      this.timers += 1;
      return clock.after(delayMs, task);
    },
  };
}

describe("a deadline alarm", () => {
  it("rings once, at the deadline last set", () => {
    const clock = new FakeClock();
    const rung: number[] = [];
    const alarm = new DeadlineAlarm(clock, (nowMs) => rung.push(nowMs));
    alarm.set(100);
    clock.advance(50);
    alarm.set(200);
    clock.advance(149);
    expect(rung).toEqual([]);
    clock.advance(1_000);
    expect(rung).toEqual([200]);
  });

  it("rings earlier when the deadline is moved up", () => {
    const clock = new FakeClock();
    const rung: number[] = [];
    const alarm = new DeadlineAlarm(clock, (nowMs) => rung.push(nowMs));
    alarm.set(1_000);
    alarm.set(10);
    clock.advance(2_000);
    expect(rung).toEqual([10]);
    expect(clock.pending).toBe(0);
  });

  it("sets one timer for thousands of deadlines put off", () => {
    const fake = new FakeClock();
    const clock = counting(fake);
    const alarm = new DeadlineAlarm(clock, () => {});
    for (let i = 0; i < 10_000; i += 1) {
      alarm.set(fake.nowMs() + 30_000);
      fake.advance(1);
    }
    expect(clock.timers).toBe(1);
    expect(fake.pending).toBe(1);
  });

  it("does not ring, nor keep a timer, once closed", () => {
    const clock = new FakeClock();
    const alarm = new DeadlineAlarm(clock, () => expect.unreachable("it is closed"));
    alarm.set(10);
    alarm.close();
    expect(clock.pending).toBe(0);
    clock.advance(100);
  });

  it("may be set again from its own ringing", () => {
    const clock = new FakeClock();
    const rung: number[] = [];
    const alarm: DeadlineAlarm = new DeadlineAlarm(clock, (nowMs) => {
      rung.push(nowMs);
      if (rung.length < 3) alarm.set(nowMs + 10);
    });
    alarm.set(10);
    clock.advance(100);
    expect(rung).toEqual([10, 20, 30]);
  });
});
