import { describe, expect, it } from "vitest";
import { rememberedLists } from "../../../src/plan/remembered-lists.ts";

describe("rememberedLists", () => {
  it("gives equal places one frozen list, and others another", () => {
    const listOf = rememberedLists(["a", "b", "c"]);
    expect(listOf([0, 2])).toEqual(["a", "c"]);
    expect(listOf([0, 2])).toBe(listOf([0, 2]));
    expect(listOf([0])).toEqual(["a"]);
    expect(listOf([])).toBe(listOf([]));
    expect(Object.isFrozen(listOf([0, 2])) && Object.isFrozen(listOf([]))).toBe(true);
  });

  it("stays right beyond what it keeps", () => {
    const items = Array.from({ length: 10_000 }, (_, at) => at);
    const listOf = rememberedLists(items);
    for (const at of items) expect(listOf([at])).toEqual([at]);
    expect(listOf([0])).toBe(listOf([0]));
    expect(listOf([9_999])).not.toBe(listOf([9_999]));
  });
});
