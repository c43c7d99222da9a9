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

  it("takes nothing after it was made smaller until what is held fits, and what is held stays", () => {
    const room = new CaptureRoom(10);
    room.take(8);
    room.resize(6);
    expect([room.takenBytes, room.take(1)]).toEqual([8, false]);
    room.give(4);
    expect([room.take(2), room.take(1)]).toEqual([true, false]);
  });

  it("gives copies half of itself at most, so that reviews that decide find room whatever is copied", () => {
    const room = new CaptureRoom(10);
    expect([room.take(5, "copy"), room.take(1, "copy"), room.take(5), room.take(1)]).toEqual([true, false, true, false]);
    room.give(5, "copy");
    expect([room.take(3, "copy"), room.take(3, "copy"), room.take(2, "copy")]).toEqual([true, false, true]);
    expect(room.takenBytes).toBe(10);
  });

  it("gives copies nothing of what reviews that decide hold", () => {
    const room = new CaptureRoom(10);
    room.take(9);
    expect([room.take(2, "copy"), room.take(1, "copy")]).toEqual([false, true]);
  });

  it("always has room for nothing", () => {
    expect(new CaptureRoom(0).take(0)).toBe(true);
  });
});
