import { describe, expect, it, vi } from "vitest";
import { CallTime } from "../../../interceptors-sdk/src/call-time.ts";

const within = (milliseconds: number): CallTime => new CallTime(performance.now() + milliseconds);

describe("CallTime", () => {
  it("tells how much is left, and nothing below zero", () => {
    expect(within(1000).remainingMs()).toBeGreaterThan(900);
    expect(within(-5).remainingMs()).toBe(0);
    expect(new CallTime(Number.POSITIVE_INFINITY).remainingMs()).toBe(Number.POSITIVE_INFINITY);
  });

  it("costs no timer until somebody waits for its end", () => {
    const timers = vi.spyOn(globalThis, "setTimeout");
    const time = within(1000);
    time.remainingMs();
    time.answered();
    expect(timers).not.toHaveBeenCalled();
    timers.mockRestore();
  });

  it("aborts its signal and tells its listener when the deadline passes, once", async () => {
    const time = within(20);
    const { signal } = time;
    let told = 0;
    const over = new Promise<void>((resolve) =>
      time.onOver(() => {
        told += 1;
        resolve();
      }),
    );
    expect([signal.aborted, time.isOver]).toEqual([false, false]);
    await over;
    time.cancel();
    expect([signal.aborted, time.isOver, told]).toEqual([true, true, 1]);
  });

  it("is over at once when the caller gives up, for those who ask later too", () => {
    const time = within(1000);
    time.cancel();
    let told = 0;
    time.onOver(() => (told += 1));
    expect([time.isOver, time.signal.aborted, told]).toEqual([true, true, 1]);
  });

  it("ends nothing any more once the call is answered", () => {
    const time = within(1000);
    const { signal } = time;
    time.answered();
    time.cancel();
    expect([time.isOver, signal.aborted]).toEqual([false, false]);
  });

  it("waits longer than a timer can", () => {
    const timers = vi.spyOn(globalThis, "setTimeout");
    const time = within(2 ** 40);
    time.onOver(() => {});
    expect(timers.mock.calls[0]?.[1]).toBe(2 ** 31 - 1);
    time.answered();
    timers.mockRestore();
  });

  it("remembers that it was its own timer that ended it, though the clock says a fraction is left", () => {
    const timers = vi.spyOn(globalThis, "setTimeout");
    const time = within(1000);
    time.onOver(() => {});
    // as a timer that fires early does
    timers.mock.calls[0]?.[0]();
    expect(time.remainingMs()).toBeGreaterThan(0);
    time.cancel();
    expect([time.isOver, time.ending]).toEqual([true, "deadline"]);
    timers.mockRestore();
  });

  it("remembers that the caller gave up, though its time passes before that is told", () => {
    const time = within(1000);
    time.cancel();
    expect(time.ending).toBe("cancelled");
    const late = within(-5);
    late.cancel();
    expect(late.ending).toBe("deadline");
  });
});
