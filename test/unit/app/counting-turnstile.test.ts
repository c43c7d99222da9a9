import { beforeEach, describe, expect, it } from "vitest";
import { CountingTurnstile, type TurnstileLimits } from "../../../src/app/counting-turnstile.ts";
import type { Entered, ShedReason } from "../../../src/ports/turnstile.ts";

const limits = (all: number, listeners: Readonly<Record<string, number>>): TurnstileLimits => ({
  overload: { maxRequests: all },
  listeners: Object.entries(listeners).map(([name, maxRequests]) => ({ name, limits: { maxRequests } })),
});

let strain: { admitted: number; reason: "loop_delay" | "heap" };
let shed: string[];
let turnstile: CountingTurnstile;

beforeEach(() => {
  strain = { admitted: 1, reason: "loop_delay" };
  shed = [];
  turnstile = new CountingTurnstile(limits(3, { one: 2, two: 2 }), {
    strain,
    onShed: (listener, reason) => void shed.push(`${listener} ${reason}`),
  });
});

function entered(listener: string): Entered {
  const said: Entered | ShedReason = turnstile.enter(listener);
  if (typeof said === "string") throw new Error(`shed: ${said}`);
  return said;
}

describe("a turnstile", () => {
  it("lets in as many as a listener may have under way, and the next when one has left", () => {
    const first = entered("one");
    entered("one");
    expect(turnstile.enter("one")).toBe("listener_full");
    expect(shed).toEqual(["one listener_full"]);
    first.leave();
    entered("one");
    expect(turnstile.enter("one")).toBe("listener_full");
  });

  it("lets in no more over all listeners than the gateway may have", () => {
    entered("one");
    entered("one");
    const third = entered("two");
    expect([turnstile.enter("two"), turnstile.underWay]).toEqual(["gateway_full", 3]);
    third.leave();
    expect(turnstile.underWay).toBe(2);
    entered("two");
  });

  it("lets in the share that a hard-pressed process can take, evenly", () => {
    turnstile.limit(limits(1_000, { one: 1_000 }));
    Object.assign(strain, { admitted: 0.25, reason: "heap" });
    // with few under way it is not they who press
    for (let index = 0; index < 50; index += 1) entered("one");
    expect(shed).toEqual([]);
    const letIn = Array.from({ length: 12 }, () => turnstile.enter("one")).map((said) => (typeof said === "string" ? 0 : 1));
    expect(letIn).toEqual([0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1]);
    expect(new Set(shed)).toEqual(new Set(["one heap"]));
    expect(turnstile.underWay).toBe(53);
  });

  it("takes other limits from a reload, and keeps counting who is inside", () => {
    const first = entered("one");
    turnstile.limit(limits(10, { one: 1 }));
    expect(turnstile.enter("one")).toBe("listener_full");
    first.leave();
    entered("one");
    turnstile.limit(limits(10, { one: 2 }));
    entered("one");
    expect(turnstile.underWay).toBe(2);
  });

  it("counts what a closed listener has under way until it has left", () => {
    const old = entered("two");
    turnstile.limit(limits(2, { one: 2 }));
    const late = entered("two");
    expect(turnstile.enter("one")).toBe("gateway_full");
    old.leave();
    late.leave();
    expect(turnstile.underWay).toBe(0);
  });
});
