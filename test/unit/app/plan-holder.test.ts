import { describe, expect, it } from "vitest";
import { PlanHolder, type Generation } from "../../../src/app/plan-holder.ts";
import { FakeUpstream } from "../../support/fake-upstream.ts";
import { planOf, turn } from "../../support/pipeline.ts";

function generation(revision: string, retire: () => Promise<void> = () => Promise.resolve()): Generation & { retired: number } {
  const made = {
    plan: planOf([{}], new FakeUpstream(), revision),
    retired: 0,
    retire: () => {
      made.retired += 1;
      return retire();
    },
  };
  return made;
}

describe("PlanHolder", () => {
  it("gives out the plan in force, and an old one retires once, with its last exchange", async () => {
    const [first, second] = [generation("one"), generation("two")];
    const holder = new PlanHolder(first);
    const [a, b] = [holder.acquire(), holder.acquire()];
    holder.swap(second);
    expect(holder.acquire().plan.plan.revision).toBe("two");
    expect(a.plan.plan.revision).toBe("one");
    a.release();
    a.release();
    expect(first.retired).toBe(0);
    b.release();
    expect([first.retired, second.retired]).toEqual([1, 0]);
  });

  it("serves a listener that is gone by the plan that knew it last, until it is let go", () => {
    const [first, second, third] = [generation("one"), generation("two"), generation("three")];
    const holder = new PlanHolder(first);
    const revisionFor = (listener: string): string => {
      const { plan, release } = holder.acquire(listener);
      release();
      return plan.plan.revision;
    };
    holder.keepFor("gone");
    holder.swap(second);
    holder.keepFor("gone");
    holder.swap(third);
    expect([revisionFor("gone"), revisionFor("other"), first.retired, second.retired]).toEqual(["one", "three", 0, 1]);
    holder.letGo("gone");
    holder.letGo("gone");
    expect([revisionFor("gone"), first.retired]).toEqual(["three", 1]);
  });

  it("retires an unused plan at the swap", () => {
    const first = generation("one");
    new PlanHolder(first).swap(generation("two"));
    expect(first.retired).toBe(1);
  });

  it("closes when the last exchange is done, however often it is asked to", async () => {
    const first = generation("one");
    const holder = new PlanHolder(first);
    const held = holder.acquire();
    const closed = Promise.all([holder.close(), holder.close()]);
    await turn();
    expect(first.retired).toBe(0);
    held.release();
    await closed;
    expect(first.retired).toBe(1);
  });

  it("closes even if a plan does not retire well", async () => {
    const holder = new PlanHolder(generation("one", () => Promise.reject(new Error("stuck"))));
    await expect(holder.close()).resolves.toBeUndefined();
  });

  it("serves what still comes while it waits to close, and nothing once the plan has retired", async () => {
    const holder = new PlanHolder(generation("one"));
    const held = holder.acquire();
    const closed = holder.close();
    const late = holder.acquire();
    held.release();
    late.release();
    await closed;
    expect(() => holder.acquire()).toThrow("retired");
  });

  it("gives a plan that comes after the close back at once", async () => {
    const holder = new PlanHolder(generation("one"));
    await holder.close();
    const late = generation("two");
    holder.swap(late);
    expect(late.retired).toBe(1);
    expect(holder.current.plan.revision).toBe("one");
  });
});
