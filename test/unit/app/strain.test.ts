import { beforeEach, describe, expect, it } from "vitest";
import { Strain } from "../../../src/app/strain.ts";
import type { Clock } from "../../../src/ports/clock.ts";

/** A clock whose one timer runs when the test says so, as late as it says. */
class LateClock implements Clock {
  #nowMs = 0;
  #due: { readonly atMs: number; readonly task: () => void } | undefined;

  nowMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, task: () => void): () => void {
    this.#due = { atMs: this.#nowMs + delayMs, task };
    return () => (this.#due = undefined);
  }

  get isWaiting(): boolean {
    return this.#due !== undefined;
  }

  /** Lets so many looks happen, each so late. */
  looks(times: number, lateMs: number): void {
    for (let index = 0; index < times; index += 1) {
      const { atMs = this.#nowMs, task = () => {} } = this.#due ?? {};
      this.#nowMs = atMs + lateMs;
      task();
    }
  }
}

let clock: LateClock;
let heap: number;
let strain: Strain;

beforeEach(() => {
  clock = new LateClock();
  heap = 0.3;
  strain = new Strain({ loopDelayMs: 100, heapShare: 0.92 }, { clock, heapShare: () => heap });
});

describe("the share of requests a process lets in", () => {
  it("is all of them while its loop is not late", () => {
    clock.looks(100, 90);
    expect(strain.admitted).toBe(1);
  });

  it("is all of them after one long pause: a collection or a reload is no overload", () => {
    clock.looks(1, 5_000);
    expect(strain.admitted).toBe(1);
    clock.looks(1, 0);
    clock.looks(1, 5_000);
    expect(strain.admitted).toBe(1);
  });

  it("falls with each late look from the second on, and never below one in twenty", () => {
    clock.looks(2, 150);
    expect([strain.admitted, strain.reason]).toEqual([0.7, "loop_delay"]);
    clock.looks(1, 150);
    expect(strain.admitted).toBeCloseTo(0.49);
    clock.looks(50, 150);
    expect(strain.admitted).toBe(0.05);
  });

  it("stays where the loop is neither late nor well, and is whole again a second after it is well", () => {
    clock.looks(50, 150);
    clock.looks(50, 60);
    expect(strain.admitted).toBe(0.05);
    clock.looks(10, 40);
    expect(strain.admitted).toBeCloseTo(0.55);
    clock.looks(10, 40);
    expect(strain.admitted).toBe(1);
  });

  it("is one in twenty while the heap is full, until it is five hundredths below its limit", () => {
    heap = 0.93;
    clock.looks(4, 0);
    expect([strain.admitted, strain.reason]).toEqual([0.05, "heap"]);
    heap = 0.88;
    clock.looks(8, 0);
    expect(strain.admitted).toBe(0.05);
    heap = 0.86;
    clock.looks(24, 0);
    expect(strain.admitted).toBe(1);
  });

  it("never asks for the heap's sake where the limit is all of it", () => {
    strain.limit({ loopDelayMs: 100, heapShare: 1 });
    heap = 1;
    clock.looks(8, 0);
    expect(strain.admitted).toBe(1);
  });
});

describe("the longest delay", () => {
  it("is told once", () => {
    clock.looks(1, 70);
    clock.looks(1, 20);
    expect([strain.takeWorstMs(), strain.takeWorstMs()]).toEqual([70, 0]);
  });
});

it("looks no more when it is stopped", () => {
  clock.looks(3, 0);
  strain.stop();
  expect(clock.isWaiting).toBe(false);
});
