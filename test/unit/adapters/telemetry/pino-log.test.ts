import { openSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import * as fc from "fast-check";
import { pinoLog } from "../../../../src/adapters/telemetry/pino-log.ts";
import { Secret } from "../../../../src/model/secret.ts";
import { temporaryDirectory } from "../../../support/temporary-directory.ts";

/** The lines written by `use`. */
function linesOf(level: "debug" | "info" | "warn" | "error", use: (log: ReturnType<typeof pinoLog>) => void): string[] {
  const lines: string[] = [];
  use(pinoLog({ level, destination: { line: (text) => lines.push(text) } }));
  return lines;
}

describe("a log line", () => {
  it("is JSON with level, time, event and the fields", () => {
    const [line = ""] = linesOf("info", (log) => log.write("warn", "reload", { revision: "r1", absent: undefined }));
    const { time, ...rest } = JSON.parse(line);
    expect(rest).toEqual({ level: "warn", event: "reload", revision: "r1" });
    expect(new Date(time).toISOString()).toBe(time);
    expect(line).toMatch(/}\n$/);
  });

  it("of a worker says which", () => {
    const lines: string[] = [];
    pinoLog({ level: "info", worker: 2, destination: { line: (text) => lines.push(text) } }).write("info", "exchange", {
      path: "/",
    });
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({ event: "exchange", worker: 2, path: "/" });
  });

  it("is not written below the level", () => {
    const lines = linesOf("warn", (log) => {
      for (const level of ["debug", "info", "warn", "error"] as const) log.write(level, "event", {});
    });
    expect(lines.map((line) => JSON.parse(line).level)).toEqual(["warn", "error"]);
  });

  it("stays one line of harmless characters whatever a field holds, and reads back the same", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const [line = ""] = linesOf("info", (log) => log.write("info", "exchange", { path: text, nested: [{ text }] }));
        // oxlint-disable-next-line no-control-regex -- they are what is looked for
        expect(line.slice(0, -1)).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/);
        const read = JSON.parse(line);
        expect([read.path, read.nested[0].text]).toEqual([text, text]);
      }),
      { numRuns: 50 },
    );
  });

  it("has the bytes that JSON.stringify gives, but for the characters terminals act on", () => {
    const value = fc.anything({ withBigInt: false, withDate: true, withNullPrototype: true });
    const name = fc.oneof(fc.constantFrom("path", "status", 'a"b', "é", "0"), fc.string({ unit: "binary", minLength: 1 }));
    // some keys are no members where they are written
    const fields = fc.dictionary(
      name.filter((each) => each !== "__proto__"),
      value,
    );
    fc.assert(
      fc.property(fields, (made) => {
        const [line = ""] = linesOf("info", (log) => log.write("info", "exchange", made));
        const { time } = JSON.parse(line);
        const whole = JSON.stringify({ level: "info", time, event: "exchange" }).slice(0, -1);
        const rest = JSON.stringify(made);
        const expected = rest === "{}" ? `${whole}}\n` : `${whole},${rest.slice(1)}\n`;
        // oxlint-disable-next-line no-control-regex -- they are what is looked for
        expect(line).toBe(expected.replace(/[\u007f-\u009f\u2028\u2029]/g, escaped));
      }),
      { numRuns: 300 },
    );
  });

  it("is written all the same when a field cannot be: a circle, a BigInt", () => {
    const circle: Record<string, unknown> = {};
    circle["self"] = circle;
    const lines = linesOf("info", (log) => {
      log.write("info", "round", circle);
      log.write("info", "big", { value: 1n });
    });
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { event: "round", log_line_broken: expect.stringContaining("circular") },
      { event: "big", log_line_broken: expect.stringContaining("BigInt") },
    ]);
  });

  it("is a line without fields, too", () => {
    expect(linesOf("info", (log) => log.write("info", "alone", {})).map((line) => JSON.parse(line))).toMatchObject([
      { event: "alone" },
    ]);
  });

  it("shows a secret as [secret], nested too", () => {
    const lines = linesOf("info", (log) =>
      log.write("info", "x", { a: new Secret("hunter2"), b: { c: [new Secret("hunter2")] } }),
    );
    expect(lines.join()).not.toContain("hunter2");
  });

  it("shows an error's stack at level error only", () => {
    const [warned = "", bug = ""] = linesOf("info", (log) => {
      for (const level of ["warn", "error"] as const)
        log.write(level, "failed", { err: new Error("broken"), cause: new Error("deeper") });
    });
    expect(JSON.parse(warned)).toMatchObject({ err: { message: "broken" }, cause: { message: "deeper" } });
    expect(warned).not.toContain("pino-log.test.ts");
    expect(JSON.parse(bug).err.stack).toContain("pino-log.test.ts");
  });
});

describe("a buffered log", () => {
  it("holds lines back and writes them when flushed", async () => {
    await using directory = await temporaryDirectory();
    const fd = openSync(directory.file("log"), "w");
    const log = pinoLog({ level: "info", destination: { fd } });
    for (let i = 0; i < 10; i += 1) log.write("info", "exchange", { i });
    expect(readFileSync(directory.file("log"), "utf8")).toBe("");
    log.flush();
    expect(
      readFileSync(directory.file("log"), "utf8")
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line).i),
    ).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    await log[Symbol.asyncDispose]();
  });

  it("writes what is left when disposed, and is deaf afterwards", async () => {
    await using directory = await temporaryDirectory();
    const log = pinoLog({ level: "info", destination: { fd: openSync(directory.file("log"), "w") } });
    log.write("info", "last", {});
    await log[Symbol.asyncDispose]();
    log.write("info", "late", {});
    log.flush();
    await log[Symbol.asyncDispose]();
    expect(
      readFileSync(directory.file("log"), "utf8")
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line).event),
    ).toEqual(["last"]);
  });

  it("drops lines beyond its bound instead of growing, and says how many", async () => {
    await using directory = await temporaryDirectory();
    const fd = openSync(directory.file("log"), "w");
    let dropped = 0;
    const log = pinoLog({ level: "info", destination: { fd }, onDropped: () => (dropped += 1) });
    const text = "x".repeat(100_000);
    // nothing is written while this loop holds the event loop
    for (let i = 0; i < 200; i += 1) log.write("info", "exchange", { text });
    expect(dropped).toBeGreaterThan(100);
    log.flush();
    expect(readFileSync(directory.file("log"), "utf8").trimEnd().split("\n").length).toBe(200 - dropped);
    await log[Symbol.asyncDispose]();
  });
});

const escaped = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
