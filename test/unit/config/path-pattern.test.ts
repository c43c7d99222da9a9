import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parsePathPattern } from "../../../src/config/path-pattern.ts";
import { normalisePath } from "../../../src/model/request-path.ts";

describe("parsePathPattern", () => {
  it.each([
    ["/", [{ kind: "literal", text: "" }]],
    ["/a", [{ kind: "literal", text: "a" }]],
    [
      "/a/",
      [
        { kind: "literal", text: "a" },
        { kind: "literal", text: "" },
      ],
    ],
    ["/**", [{ kind: "globstar" }]],
    ["/a/*/:id/**", [{ kind: "literal", text: "a" }, { kind: "star" }, { kind: "capture", name: "id" }, { kind: "globstar" }]],
    [
      "/v1/models:generate",
      [
        { kind: "literal", text: "v1" },
        { kind: "literal", text: "models:generate" },
      ],
    ],
    ["/caf%C3%A9", [{ kind: "literal", text: "caf%C3%A9" }]],
  ])("reads %s", (source, segments) => {
    expect(parsePathPattern(source)).toEqual({ ok: true, value: { source, segments } });
  });

  it.each([
    ["", "expected a path that begins with /"],
    ["a", "expected a path that begins with /"],
    ["/a?b=c", "expected a path without query and fragment: conditions on the query go into match.query"],
    ["/a//b", "requests never have // in their path: slashes are merged"],
    ["/a/./b", "requests never have . and .. segments: they are removed"],
    ["/a/..", "requests never have . and .. segments: they are removed"],
    ["/**/a", "** can only be the last segment"],
    ["/a*", "* stands for a whole segment (write %2A for the character)"],
    ["/:", "expected a name of letters, digits and underscores behind :"],
    ["/:a/:a", "expected each :name once"],
    ["/caf\u00e9", "requests carry this character percent-encoded: write %C3%A9"],
    ["/a b", "requests carry this character percent-encoded: write %20"],
    ["/a%4", "expected two hexadecimal digits behind %"],
    ["/%41", "requests never have this in their path: write A"],
    ["/caf%c3%a9", "requests never have this in their path: write caf%C3%A9"],
    ["/a%2Fb", "requests with such a path are refused (encoded-separator)"],
    ["/a;x=1", "requests with such a path are refused (parameters)"],
    [`/${"a/".repeat(64)}`, "expected at most 64 segments"],
    [`/${"a".repeat(1024)}`, "expected at most 1024 characters"],
  ])("refuses %j", (source, error) => {
    expect(parsePathPattern(source)).toEqual({ ok: false, error });
  });

  it("takes every literal path that the gateway would make of a request, and no other", () => {
    const text = fc.string({
      unit: fc.constantFrom("a", "Z", "9", "/", ".", "%", "2", "F", "4", "1", "~", "-", "é", "\\", ";", " "),
      maxLength: 12,
    });
    fc.assert(
      fc.property(text, (rest) => {
        const path = `/${rest}`;
        const normal = normalisePath(path);
        expect(parsePathPattern(path).ok).toBe(normal.ok && normal.value === path);
      }),
      { numRuns: 3000 },
    );
  });
});
