import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { parseQuery, QueryText } from "@sallyport/contract/request-path.ts";

describe("QueryText", () => {
  const query = new QueryText("a=1&b=x%20y&a=2+3&flag&=empty&c%5B%5D=1");

  it("decodes names and values as forms are", () => {
    expect(query.names()).toEqual(["a", "b", "flag", "", "c[]"]);
    expect(query.values("a")).toEqual(["1", "2 3"]);
    expect(query.values("b")).toEqual(["x y"]);
    expect(query.values("flag")).toEqual([""]);
    expect(query.values("")).toEqual(["empty"]);
    expect(query.values("nope")).toEqual([]);
    expect(query.has("flag")).toBe(true);
    expect(query.all().get("a")).toEqual(["1", "2 3"]);
  });

  it("takes bad escapes and bytes that are no UTF-8 as the platform's form decoder does", () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom("%", "%4", "%41", "%ff", "%C3%A9", "+", "a", "=", "&", "é", "%00"), { maxLength: 12 }),
        (parts) => {
          const raw = parts.join("");
          expect(parseQuery(raw).map(({ name, value }) => [name, value])).toEqual([...new URLSearchParams(`&${raw}`)]);
        },
      ),
    );
  });

  it("writes only the changed name anew, where it stood first", () => {
    expect(query.withName("a", ["9", "&="]).raw).toBe("a=9&a=%26%3D&b=x%20y&flag&=empty&c%5B%5D=1");
    expect(query.withName("b", ["z"]).raw).toBe("a=1&b=z&a=2+3&flag&=empty&c%5B%5D=1");
  });

  it("adds a new name at the end and removes a name with all its values", () => {
    expect(new QueryText("").withName("x y", ["1"]).raw).toBe("x%20y=1");
    expect(new QueryText("a&&b").withName("c", ["1"]).raw).toBe("a&&b&c=1");
    expect(query.withName("a", undefined).raw).toBe("b=x%20y&flag&=empty&c%5B%5D=1");
    expect(query.withName("a", []).values("a")).toEqual([]);
    expect(query.withName("nope", undefined)).toBe(query);
  });

  it("shows what was written, and keeps the bytes of every other name", () => {
    const word = fc.string({ unit: "grapheme", maxLength: 6 });
    const rawPair = fc.constantFrom("a=1", "b=%zz", "c+d=e", "a", "%61=2", "=", "x=%E9");
    fc.assert(
      fc.property(fc.array(rawPair), word, fc.array(word, { maxLength: 3 }), (pairs, name, values) => {
        const before = new QueryText(pairs.join("&"));
        const after = before.withName(name, values);
        expect(after.values(name)).toEqual(values);
        const others = (text: string): readonly string[] =>
          parseQuery(text)
            .filter((pair) => pair.name !== name)
            .map((pair) => pair.raw);
        expect(others(after.raw)).toEqual(others(before.raw));
      }),
    );
  });
});
