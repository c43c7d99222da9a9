import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HeaderLines } from "../../../src/model/header-lines.ts";

const lines = (...raw: readonly string[]): HeaderLines => HeaderLines.fromRaw(raw);

describe("header lines", () => {
  it("are looked up in lower case, whoever made the names so", () => {
    const judged = HeaderLines.judged({ names: ["x-a", "x-b"], raw: ["X-A", "1", "x-b", "2"], isWritable: true });
    for (const each of [judged, lines("X-A", "1", "x-b", "2")]) {
      expect(each.first("x-a")).toBe("1");
      expect([...each.names()]).toEqual(["x-a", "x-b"]);
      expect(each.size).toBe(2);
    }
  });

  it("derive others: what is kept, in its place and spelling, then what is added", () => {
    const derived = lines("X-A", "1", "X-B", "2", "x-a", "3").derive((name) => name !== "x-b", ["via", "1.1 sallyport"]);
    expect(derived.toRaw()).toEqual(["X-A", "1", "x-a", "3", "via", "1.1 sallyport"]);
    expect(derived.lines("x-a")).toEqual(["1", "3"]);
    expect(derived.first("via")).toBe("1.1 sallyport");
  });

  it.each([
    ["a space in a name", ["x a", "1"]],
    ["no name", ["", "1"]],
    ["a letter that becomes ASCII in lower case", ["x-\u212a", "1"]],
    ["a line feed in a value", ["x-a", "1\nx-b: 2"]],
    ["a value above U+00FF", ["x-a", "\u0100"]],
    ["white space around a value", ["x-a", " 1"]],
  ])("are not writable with %s, also when it is added to lines that are", (_what, raw) => {
    expect(lines(...raw).isWritable).toBe(false);
    const judged = HeaderLines.judged({ names: ["x-b"], raw: ["x-b", "1"], isWritable: true });
    expect(judged.isWritable).toBe(true);
    expect(judged.derive(() => true, raw).isWritable).toBe(false);
    expect(judged.append(raw[0] ?? "", raw[1] ?? "").isWritable).toBe(false);
    expect(judged.with(raw[0] ?? "", [raw[1] ?? ""]).isWritable).toBe(false);
    expect(lines("x-b", "1", ...raw).without((name) => name === "x-b").isWritable).toBe(false);
  });

  it("say the same about being writable however they were made", () => {
    const text = fc.oneof(fc.constantFrom("x-a", "X-B", "1", "caf\u00e9", "a\tb"), fc.string({ unit: "binary", maxLength: 4 }));
    fc.assert(
      fc.property(
        fc.array(fc.tuple(text, text), { maxLength: 4 }),
        fc.array(fc.tuple(text, text), { maxLength: 2 }),
        (kept, added) => {
          const base = lines(...kept.flat());
          if (!base.isWritable) return;
          const lower = added.map(([name, value]) => [name.toLowerCase(), value]).flat();
          expect(base.derive(() => true, lower).isWritable).toBe(lines(...kept.flat(), ...lower).isWritable);
        },
      ),
    );
  });
});
