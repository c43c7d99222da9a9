import { describe, expect, it } from "vitest";
import { OpenTunnels } from "../../../src/app/open-tunnels.ts";
import type { TunnelEnd, TunnelPlace } from "../../../src/ports/tunnels.ts";
import { FakeClock } from "../../support/fake-clock.ts";

function scene(maxTunnels = 2) {
  const clock = new FakeClock();
  const ends: TunnelEnd[] = [];
  const tunnels = new OpenTunnels({ clock, maxTunnels, onEnd: (end) => void ends.push(end) });
  const drained: number[] = [];
  const open = (id = 0, listenerKey?: object): TunnelPlace => {
    const place = tunnels.reserve(listenerKey);
    if (place === undefined) throw new Error("no room");
    place.opened({ drain: () => void drained.push(id) });
    return place;
  };
  return { clock, ends, tunnels, drained, open };
}

describe("the open WebSockets of a process (C26)", () => {
  it("are bounded together with those whose upstream is being asked, and give their place back once", () => {
    const { tunnels, open, ends } = scene();
    const first = tunnels.reserve(undefined);
    const second = open();
    expect(tunnels.size).toBe(1);
    expect(tunnels.reserve(undefined)).toBeUndefined();
    first?.leave(undefined);
    first?.leave("client");
    expect(ends).toEqual([]);
    open();
    expect(tunnels.reserve(undefined)).toBeUndefined();
    second.leave("upstream");
    second.leave(undefined);
    expect([tunnels.size, ends]).toEqual([1, ["upstream"]]);
  });

  it("are ended one after the other when the process ends, over the time given", () => {
    const { tunnels, open, drained, clock } = scene(10);
    for (let id = 0; id < 4; id += 1) open(id);
    tunnels.drain(400);
    expect(drained).toEqual([0]);
    clock.advance(100);
    expect(drained).toEqual([0, 1]);
    clock.advance(300);
    expect(drained).toEqual([0, 1, 2, 3]);
  });

  it("are ended at once where they open while the process ends, asked for before or not", () => {
    const { tunnels, drained } = scene();
    const place = tunnels.reserve(undefined);
    tunnels.drain(1000);
    place?.opened({ drain: () => void drained.push(7) });
    tunnels.reserve(undefined)?.opened({ drain: () => void drained.push(8) });
    expect(drained).toEqual([7, 8]);
  });

  it("are ended with their listener, those of others stay, and one that still comes by it is ended at once", () => {
    const { tunnels, open, drained, clock } = scene(10);
    const [leaving, other] = [{}, {}];
    open(0, leaving);
    open(1, other);
    open(2);
    open(3, leaving);
    tunnels.drainListener(leaving, 400);
    expect(drained).toEqual([0]);
    clock.advance(400);
    expect(drained).toEqual([0, 3]);
    open(4, leaving);
    open(5, other);
    expect(drained).toEqual([0, 3, 4]);
  });
});
