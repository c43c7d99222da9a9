import { describe, expect, it } from "vitest";
import { PacedLog } from "../../../../../src/adapters/review/watch/paced-log.ts";
import { FakeClock } from "../../../../support/fake-clock.ts";
import { MemoryLog } from "../../../../support/memory-log.ts";

describe("a paced log", () => {
  it("writes each event once a second and says how many lines were left out", () => {
    const clock = new FakeClock();
    const log = new MemoryLog();
    const paced = new PacedLog(log, clock, { interceptor: "a" });
    for (let line = 0; line < 5; line += 1) paced.write("info", "one", { line });
    paced.write("warn", "two", {});
    clock.advance(1_000);
    paced.write("info", "one", { line: 5 });
    clock.advance(1_000);
    paced.write("info", "one", { line: 6 });
    expect(log.lines).toEqual([
      { level: "info", event: "one", fields: { interceptor: "a", line: 0 } },
      { level: "warn", event: "two", fields: { interceptor: "a" } },
      { level: "info", event: "one", fields: { interceptor: "a", line: 5, left_out: 4 } },
      { level: "info", event: "one", fields: { interceptor: "a", line: 6 } },
    ]);
  });
});
