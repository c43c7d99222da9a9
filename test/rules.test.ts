import { describe, expect, it } from "vitest";
import { NOT_YET, RULES, type Holder } from "./rules.ts";
import { filesMatching, textOf } from "./support/source-tree.ts";

const rules = Object.entries(RULES);
const held = rules.flatMap(([rule, holders]) =>
  holders === "planned" ? [] : holders.map((holder) => [rule, ...holder] as const),
);
const files = new Set(filesMatching("test/**/*.ts"));

/** Whether RFC.md says of each rule that it is in force, in whole or in part. */
const statuses: ReadonlyMap<string, "in force" | "planned"> = new Map(
  [...textOf("RFC.md").matchAll(/^\*\*(C\d+)\b[^\n]*\n_Status: ([^\n]*)_$/gm)].map(([, rule = "", status = ""]) => [
    rule,
    status.startsWith("in force") ? "in force" : "planned",
  ]),
);

describe("the rules of RFC.md", () => {
  it("are all in the table, and no others", () => {
    expect(statuses.size).toBe(39);
    expect(rules.map(([rule]) => rule)).toEqual([...statuses.keys()]);
  });

  it("are planned in the table exactly where RFC.md says so", () => {
    const planned = rules.flatMap(([rule, holders]) => (holders === "planned" ? [rule] : []));
    expect(planned).toEqual([...statuses].flatMap(([rule, status]) => (status === "planned" ? [rule] : [])));
  });

  it("that are in force are held by a test each, but for those in NOT_YET", () => {
    const unheld = rules.flatMap(([rule, holders]) => (holders !== "planned" && holders.length === 0 ? [rule] : []));
    expect(unheld.filter((rule) => !NOT_YET.some((known) => known === rule))).toEqual([]);
    // a rule leaves NOT_YET with its first test
    expect(NOT_YET.filter((rule) => !unheld.includes(rule))).toEqual([]);
  });

  it.each(held)("%s is held by a test there is: %s: %s", (_rule, ...[file, name]: Holder) => {
    expect(files.has(file), `${file} is no test file`).toBe(true);
    expect(isNamedIn(textOf(file), name), `${file} has no test or group of that name`).toBe(true);
  });
});

/** Whether a name stands in a file as the text of a string, however it is quoted. */
const isNamedIn = (text: string, name: string): boolean =>
  ['"', "'", "`"].some(
    (quote) => text.includes(`${quote}${name}${quote}`) || text.includes(`${quote}${name.replaceAll('"', '\\"')}${quote}`),
  );
