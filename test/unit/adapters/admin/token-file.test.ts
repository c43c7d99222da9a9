import { chmod, readFile, stat, writeFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { ensureTokenFile, isSameToken, readAdminToken } from "../../../../src/adapters/admin/token-file.ts";
import { Secret } from "../../../../src/model/secret.ts";
import { temporaryDirectory } from "../../../support/temporary-directory.ts";

describe("the admin token's file", () => {
  it("is made for the owner alone when missing, and kept when there", async () => {
    await using directory = await temporaryDirectory();
    const path = directory.file("state/admin-token");
    expect(await ensureTokenFile(path)).toEqual({ ok: true, value: { created: true, warning: undefined } });
    const text = await readFile(path, "utf8");
    expect(await ensureTokenFile(path)).toEqual({ ok: true, value: { created: false, warning: undefined } });
    expect(await readFile(path, "utf8")).toBe(text);
    expect([(await stat(path)).mode & 0o777, (await stat(directory.file("state"))).mode & 0o777]).toEqual([0o600, 0o700]);
  });

  it("is made once and whole by many who start together", async () => {
    await using directory = await temporaryDirectory();
    const path = directory.file("admin-token");
    const made = await Promise.all(Array.from({ length: 20 }, () => ensureTokenFile(path)));
    expect(made.filter((each) => each.ok && each.value.created)).toHaveLength(1);
    expect(made.every((each) => each.ok)).toBe(true);
  });

  it("is warned about when others may read it", async () => {
    await using directory = await temporaryDirectory();
    const path = directory.file("admin-token");
    await writeFile(path, "0123456789abcdef\n");
    await chmod(path, 0o644);
    expect(await ensureTokenFile(path)).toMatchObject({ ok: true, value: { warning: expect.stringContaining("mode 644") } });
  });

  it.each(["", "short", "two lines of text\nhere", "ünïcödé-is-not-taken"])(
    "is refused when it holds %j, without showing it",
    async (text) => {
      await using directory = await temporaryDirectory();
      const path = directory.file("admin-token");
      await writeFile(path, text);
      const read = await readAdminToken(path);
      expect(read.ok ? "" : read.error).toContain("does not hold an admin token");
      if (text !== "") expect(read.ok ? "" : read.error).not.toContain(text);
      expect((await ensureTokenFile(path)).ok).toBe(false);
    },
  );
});

describe("comparing tokens", () => {
  it("takes the same and nothing else", () => {
    const expected = new Secret("0123456789abcdef");
    expect(isSameToken("0123456789abcdef", expected)).toBe(true);
    for (const wrong of ["", "0123456789abcde", "0123456789abcdef0", "0123456789abcdeF"])
      expect(isSameToken(wrong, expected)).toBe(false);
  });
});
