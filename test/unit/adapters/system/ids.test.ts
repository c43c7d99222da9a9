import { describe, expect, it } from "vitest";
import { systemIds } from "../../../../src/adapters/system/ids.ts";

describe("ids", () => {
  it("have the shape that logs and trace context expect", () => {
    const ids = systemIds();
    for (let i = 0; i < 2000; i += 1) {
      expect(ids.requestId()).toMatch(/^[0-9a-hjkmnp-tv-z]{26}$/);
      expect(ids.traceId()).toMatch(/^(?!0{32})[0-9a-f]{32}$/);
      expect(ids.spanId()).toMatch(/^(?!0{16})[0-9a-f]{16}$/);
    }
  });

  it("do not repeat, across the pool's end and between two sources", () => {
    const [one, other] = [systemIds(), systemIds()];
    const made = Array.from({ length: 5000 }, () => [one.requestId(), other.requestId(), one.traceId(), other.traceId()]).flat();
    expect(new Set(made).size).toBe(made.length);
  });

  it("sort by the time they were made", () => {
    let wallMs = Date.UTC(2026, 0, 1);
    const ids = systemIds(() => wallMs);
    const made = Array.from({ length: 200 }, () => {
      wallMs += 977;
      return ids.requestId();
    });
    expect(made.toSorted()).toEqual(made);
  });

  it("are never all zeros and draw again where chance says zero", () => {
    // one in 65,536 first numbers is zero; 200,000 span ids meet some
    const ids = systemIds();
    for (let i = 0; i < 200_000; i += 1)
      if (ids.spanId().startsWith("0000")) throw new Error("a leading zero number was not drawn again");
  });
});
