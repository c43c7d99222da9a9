import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CancelSource } from "../../../src/model/cancel.ts";
import { Admission, type Admitted } from "../../../src/support/admission.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const never = new CancelSource();

describe("Admission", () => {
  it("admits at once while there is room, and lets the longest waiting in when one leaves", async () => {
    const admission = new Admission({ maxInside: 1, maxWaiting: 2 }, new FakeClock());
    expect(admission.enter(100, never)).toBe("admitted");
    const order: string[] = [];
    const first = Promise.resolve(admission.enter(100, never)).then(() => order.push("first"));
    const second = Promise.resolve(admission.enter(100, never)).then(() => order.push("second"));
    admission.leave();
    await first;
    expect(order).toEqual(["first"]);
    admission.leave();
    await second;
    expect([order, admission.inside, admission.waiting]).toEqual([["first", "second"], 1, 0]);
  });

  it("refuses whoever finds the queue full", () => {
    const admission = new Admission({ maxInside: 1, maxWaiting: 0 }, new FakeClock());
    void admission.enter(100, never);
    expect(admission.enter(100, never)).toBe("full");
  });

  it("tells a waiter whose deadline passed, and never admits it afterwards", async () => {
    const clock = new FakeClock();
    const admission = new Admission({ maxInside: 1, maxWaiting: 1 }, clock);
    void admission.enter(100, never);
    const waiting = admission.enter(30, never);
    clock.advance(30);
    expect(await waiting).toBe("expired");
    admission.leave();
    expect([admission.inside, admission.waiting, clock.pending]).toEqual([0, 0, 0]);
  });

  it("forgets a waiter that was cancelled", async () => {
    const cancel = new CancelSource();
    const clock = new FakeClock();
    const admission = new Admission({ maxInside: 1, maxWaiting: 1 }, clock);
    void admission.enter(100, never);
    const waiting = admission.enter(100, cancel);
    cancel.abort();
    expect(await waiting).toBe("cancelled");
    expect([admission.waiting, clock.pending]).toEqual([0, 0]);
    expect(admission.enter(100, cancel)).toBe("cancelled");
  });

  describe("that knows how long a visit takes", () => {
    /** Ten places, all taken, where a visit takes 200 ms. */
    function busy(): { readonly admission: Admission; readonly clock: FakeClock } {
      const clock = new FakeClock();
      const admission = new Admission({ maxInside: 10, maxWaiting: 1000 }, clock);
      for (let visit = 0; visit < 20; visit += 1) {
        void admission.enter(500, never);
        admission.leave(200);
      }
      for (let visit = 0; visit < 10; visit += 1) expect(admission.enter(500, never)).toBe("admitted");
      return { admission, clock };
    }

    it("turns away at once whoever would be let in too late to be served, and keeps the queue that short", () => {
      const { admission } = busy();
      const entries = Array.from({ length: 100 }, () => admission.enter(500, never));
      // 200 ms until the tenth of them is let in, 300 ms for his visit and what may vary
      expect(entries.slice(0, 10).every((entry) => entry instanceof Promise)).toBe(true);
      expect(entries.slice(10)).toEqual(Array.from({ length: 90 }, () => "late"));
      expect(admission.enter(5_000, never)).toBeInstanceOf(Promise);
    });

    it("lets nobody in whose time is as good as over: the next one has more of it", async () => {
      const { admission, clock } = busy();
      const [first, second] = [admission.enter(330, never), admission.enter(500, never)];
      clock.advance(250);
      admission.leave(200);
      expect(await Promise.all([first, second])).toEqual(["expired", "admitted"]);
    });

    it("learns that visits became short again, and nothing from those that were broken off", () => {
      const { admission } = busy();
      for (let visit = 0; visit < 10; visit += 1) admission.leave(undefined);
      const again = (visits: number, visitMs: number | undefined): void => {
        for (let visit = 0; visit < visits; visit += 1) {
          void admission.enter(500, never);
          admission.leave(visitMs);
        }
      };
      again(100, undefined);
      for (let visit = 0; visit < 10; visit += 1) void admission.enter(500, never);
      expect(admission.enter(100, never)).toBe("late");
      for (let visit = 0; visit < 10; visit += 1) admission.leave(undefined);
      again(100, 1);
      for (let visit = 0; visit < 10; visit += 1) void admission.enter(500, never);
      expect(admission.enter(100, never)).toBeInstanceOf(Promise);
    });
  });

  it("lets waiters in when the limit is raised, and nobody out when it is lowered", async () => {
    const admission = new Admission({ maxInside: 1, maxWaiting: 5 }, new FakeClock());
    void admission.enter(100, never);
    const waiting = [admission.enter(100, never), admission.enter(100, never)];
    admission.setLimits({ maxInside: 3, maxWaiting: 5 });
    expect(await Promise.all(waiting.map((entry) => Promise.resolve(entry)))).toEqual(["admitted", "admitted"]);
    admission.setLimits({ maxInside: 1, maxWaiting: 5 });
    expect(admission.inside).toBe(3);
    admission.leave();
    const late = admission.enter(100, never);
    admission.leave();
    expect([admission.inside, admission.waiting]).toEqual([1, 1]);
    admission.leave();
    expect(await late).toBe("admitted");
  });

  it("keeps both limits whatever happens, and forgets nobody", () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.oneof(fc.constant("leave"), fc.constant("tick"), fc.constant("cancel"), fc.constant("enter"), fc.constant("enter")),
        ),
        async (steps) => {
          const clock = new FakeClock();
          const admission = new Admission({ maxInside: 2, maxWaiting: 3 }, clock);
          const answers: (Admitted | Promise<Admitted>)[] = [];
          const cancels: CancelSource[] = [];
          for (const step of steps) {
            if (step === "leave" && admission.inside > 0) admission.leave();
            if (step === "tick") clock.advance(7);
            if (step === "cancel") cancels.pop()?.abort();
            if (step === "enter") {
              const cancel = new CancelSource();
              cancels.push(cancel);
              answers.push(admission.enter(20, cancel));
            }
            expect(admission.inside).toBeLessThanOrEqual(2);
            expect(admission.waiting).toBeLessThanOrEqual(3);
            expect(admission.waiting === 0 || admission.inside === 2).toBe(true);
          }
          clock.advance(100);
          const settled = await Promise.all(answers.map((answer) => Promise.resolve(answer)));
          expect(settled.filter((answer) => answer === "admitted").length).toBeGreaterThanOrEqual(admission.inside);
          expect([admission.waiting, clock.pending]).toEqual([0, 0]);
        },
      ),
    ));
});
