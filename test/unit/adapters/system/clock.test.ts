import { describe, expect, it } from "vitest";
import { systemClock } from "../../../../src/adapters/system/clock.ts";

describe("the system clock", () => {
  it("never goes back, and its wall time is the epoch's", () => {
    const clock = systemClock();
    const before = clock.nowMs();
    expect(clock.nowMs()).toBeGreaterThanOrEqual(before);
    expect(Math.abs(clock.wallMs() - Date.now())).toBeLessThan(1000);
  });

  it("runs a task once it is due, a negative delay at once", async () => {
    await new Promise<void>((done) => systemClock().after(-5, done));
  });

  it("runs no task that was taken back", async () => {
    const clock = systemClock();
    const ran: string[] = [];
    clock.after(0, () => ran.push("taken back"))();
    await new Promise<void>((done) => clock.after(1, done));
    expect(ran).toEqual([]);
  });

  it("keeps a delay beyond what a timer can hold instead of running at once", async () => {
    const clock = systemClock();
    const ran: string[] = [];
    const takeBack = clock.after(2 ** 40, () => ran.push("early"));
    await new Promise<void>((done) => clock.after(5, done));
    takeBack();
    expect(ran).toEqual([]);
  });
});
