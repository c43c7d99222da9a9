import { describe, expect, it } from "vitest";
import { routeBindings } from "../../../src/app/route-bindings.ts";
import type { Selector } from "../../../src/model/plan.ts";
import { exchangeOf } from "../../support/exchange.ts";
import { binding } from "../../support/fake-binding.ts";

const on = (parts: Partial<Selector>): Selector => ({ routes: ["orders"], manifest: {}, ...parts });
const at = (path: string) => exchangeOf({ head: { path } }).head;

describe("routeBindings", () => {
  const early = binding("early", { selector: on({ paths: ["/a/**"] }) });
  const shadow = binding("shadow", { selector: on({ paths: ["/a"] }), enforcement: "shadow", ownsHeaders: ["x-shadow"] });
  const always = binding("always", { selector: on({}), ownsHeaders: ["x-own"] });
  const observer = binding("observer", { selector: on({ paths: ["/a/b"] }), mode: "observe", ownsHeaders: ["x-seen"] });
  const all = [early, shadow, always, observer];

  it("gives those that match in their order, shadows apart", () => {
    const { bindingsFor, shadowsFor } = routeBindings(all)([0, 1, 2, 3]);
    expect(bindingsFor(at("/a/b"))).toEqual([early, always, observer]);
    expect(bindingsFor(at("/b"))).toEqual([always]);
    expect(shadowsFor(at("/a"))).toEqual([shadow]);
    expect(shadowsFor(at("/a/b"))).toEqual([]);
  });

  it("gives one list for the same bindings, so that a place is known again by one comparison", () => {
    const { bindingsFor } = routeBindings(all)([0, 2, 3]);
    expect(bindingsFor(at("/a/x"))).toBe(bindingsFor(at("/a/y")));
  });

  it("knows whose headers are owned: not those of who only looks on (C11)", () => {
    expect([...routeBindings(all)([0, 1, 2, 3]).ownedHeaders]).toEqual(["x-own"]);
  });

  it("compiles the bindings of two routes once where they are the same list, and apart where they are not", () => {
    const of = routeBindings(all);
    const list = [0, 2];
    expect(of(list)).toBe(of(list));
    expect(of([0]).bindingsFor(at("/a"))).toEqual([early]);
    expect(of([]).bindingsFor(at("/a"))).toEqual([]);
  });
});
