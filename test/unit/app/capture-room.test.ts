import { describe, expect, it } from "vitest";
import { CaptureRoom } from "../../../src/app/capture-room.ts";

describe("CaptureRoom (C24)", () => {
  it("takes up to its size, refuses beyond it without taking anything, and takes again what came back", () => {
    const room = new CaptureRoom(10);
    expect([room.take(4), room.take(6), room.take(1)]).toEqual([true, true, false]);
    room.give(6);
    expect(room.takenBytes).toBe(4);
    expect(room.take(6)).toBe(true);
  });

  it("always has room for nothing", () => {
    expect(new CaptureRoom(0).take(0)).toBe(true);
  });
});
