import { execFileSync } from "node:child_process";
import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { readBounded } from "../../../../src/adapters/files/read-bounded.ts";
import { writeWhole } from "../../../../src/adapters/files/write-whole.ts";
import { temporaryDirectory } from "../../../support/temporary-directory.ts";

describe("reading a file with a bound", () => {
  it("gives every byte up to the bound and nothing beyond it", async () => {
    await using directory = await temporaryDirectory();
    await writeFile(directory.file("a"), Buffer.alloc(100_000, 7));
    const read = await readBounded(directory.file("a"), 100_000);
    expect(read.ok && read.value.equals(Buffer.alloc(100_000, 7))).toBe(true);
    const refused = await readBounded(directory.file("a"), 99_999);
    expect(refused.ok ? "" : refused.error).toContain("more than 99999");
  });

  it("gives an empty file as empty", async () => {
    await using directory = await temporaryDirectory();
    await writeFile(directory.file("a"), "");
    const read = await readBounded(directory.file("a"), 10);
    expect(read.ok && read.value.length).toBe(0);
  });

  it("refuses a pipe nobody writes to instead of waiting, and a device that never ends", async () => {
    await using directory = await temporaryDirectory();
    execFileSync("mkfifo", [directory.file("pipe")]);
    for (const path of [directory.file("pipe"), "/dev/zero"]) {
      const read = await readBounded(path, 10);
      expect(read.ok ? "" : read.error).toBe(`${path} is not a regular file`);
    }
  });

  it("says which file is absent", async () => {
    const read = await readBounded("/nowhere/at-all", 10);
    expect(read).toEqual({ ok: false, error: "/nowhere/at-all cannot be read: ENOENT" });
  });
});

describe("writing a file whole", () => {
  it("makes it with its mode and leaves nothing else behind", async () => {
    await using directory = await temporaryDirectory();
    const path = directory.file("deep/er/secret");
    await writeWhole(path, "one", 0o600);
    await writeWhole(path, "two", 0o600);
    expect(await readFile(path, "utf8")).toBe("two");
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(directory.file("deep/er"))).toEqual(["secret"]);
  });

  it("leaves the old one and no rest where it cannot", async () => {
    await using directory = await temporaryDirectory();
    await mkdir(directory.file("taken"));
    await expect(writeWhole(directory.file("taken"), "text", 0o644)).rejects.toThrow();
    expect(await readdir(directory.path)).toEqual(["taken"]);
  });
});
