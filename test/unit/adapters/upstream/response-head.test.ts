import { describe, expect, it } from "vitest";
import { readResponseHead } from "../../../../src/adapters/upstream/response-head.ts";

const valueOf = (value: string): string | undefined => {
  const head = readResponseHead("GET", 200, ["x-a", value]);
  if (!head.ok) throw new Error(head.error);
  return head.value.headers.first("x-a");
};

describe("a response head", () => {
  it.each([
    ["a", "a"],
    [" \ta b\t ", "a b"],
    [" \t ", ""],
    ["", ""],
  ])("reads the value %j as %j", (written, value) => {
    expect(valueOf(written)).toBe(value);
  });

  it("is read in time linear in its size, also where a value is white space for the most part", () => {
    const spaces = (count: number): string => `a${" ".repeat(count)}b`;
    const elapsedMs = (): number => {
      const startedMs = performance.now();
      expect(valueOf(spaces(60_000))).toBe(spaces(60_000));
      return performance.now() - startedMs;
    };
    // quadratic it took seconds; the best of three, because the machine may be busy
    expect(Math.min(elapsedMs(), elapsedMs(), elapsedMs())).toBeLessThan(500);
  });

  it.each([
    ["a length that is no canonical decimal", ["content-length", "+5"]],
    ["two lengths", ["content-length", "5", "content-length", "5"]],
    ["a length and a coding", ["content-length", "5", "transfer-encoding", "chunked"]],
    ["a coding other than chunked", ["transfer-encoding", "gzip, chunked"]],
    ["a name that is no token", ["x a", "1"]],
  ])("is refused with %s", (_name, raw) => {
    expect(readResponseHead("GET", 200, raw).ok).toBe(false);
  });
});
