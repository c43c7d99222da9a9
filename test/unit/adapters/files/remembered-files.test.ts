import { writeFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { readFromTexts, RememberedFiles } from "../../../../src/adapters/files/remembered-files.ts";
import { temporaryDirectory } from "../../../support/temporary-directory.ts";

describe("files that were read", () => {
  it("are remembered as they were, and forgotten when nobody wants them any more", async () => {
    await using directory = await temporaryDirectory();
    const [one, two, none] = [directory.file("one"), directory.file("two"), directory.file("none")];
    await writeFile(one, "first");
    await writeFile(two, "other");
    const files = new RememberedFiles();
    for (const path of [one, two]) await files.read(path, 100);
    expect((await files.read(none, 100)).ok).toBe(false);
    await writeFile(one, "second");
    expect(files.take([one, two, none])).toEqual(
      new Map([
        [one, "first"],
        [two, "other"],
      ]),
    );
    await files.read(one, 100);
    expect(files.take([one])).toEqual(new Map([[one, "second"]]));
    expect(files.take([one, two])).toEqual(new Map([[one, "second"]]));
  });

  it("are read again elsewhere, up to as much as is asked for, and no others", async () => {
    let texts = new Map([["ca.pem", "text"]]);
    const read = readFromTexts(() => texts);
    expect(await read("ca.pem", 4)).toEqual({ ok: true, value: Buffer.from("text") });
    expect(await read("ca.pem", 3)).toEqual({ ok: false, error: "ca.pem has more than 3 bytes" });
    texts = new Map();
    expect(await read("ca.pem", 4)).toEqual({ ok: false, error: "ca.pem is not among the files at hand" });
  });
});
