import { readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { createDevelopmentCa, issue } from "../../../../src/adapters/certificates/development-ca.ts";
import { openDevelopmentCa, writePem } from "../../../../src/adapters/certificates/pem-store.ts";
import { temporaryDirectory } from "../../../support/temporary-directory.ts";

const modeOf = async (path: string): Promise<string> => ((await stat(path)).mode & 0o777).toString(8);

describe("a directory of certificates", () => {
  it("gets an authority once and keeps it, its key for the owner alone", async () => {
    await using directory = await temporaryDirectory();
    const made = await openDevelopmentCa(directory.file("certs"));
    const found = await openDevelopmentCa(directory.file("certs"));
    if (!made.ok || !found.ok) throw new Error("refused");
    expect([made.value.created, found.value.created]).toEqual([true, false]);
    expect(found.value.ca.certificatePem).toBe(made.value.ca.certificatePem);
    expect([await modeOf(made.value.keyFile), await modeOf(made.value.certFile), await modeOf(directory.file("certs"))]).toEqual([
      "600",
      "644",
      "700",
    ]);
  });

  it("refuses half an authority, or one that is broken, and says what to do", async () => {
    await using directory = await temporaryDirectory();
    await openDevelopmentCa(directory.path);
    await rm(directory.file("ca.key"));
    const half = await openDevelopmentCa(directory.path);
    expect(half.ok ? "" : half.error).toContain("ca.key cannot be read: ENOENT");
    await writeFile(directory.file("ca.key"), (await createDevelopmentCa()).privateKeyPem.reveal());
    const swapped = await openDevelopmentCa(directory.path);
    expect(swapped.ok ? "" : swapped.error).toMatch(/ca\.key does not hold the key .* remove .* to begin anew/);
  });

  it("refuses an authority that expired", async () => {
    await using directory = await temporaryDirectory();
    const old = await issue(await createDevelopmentCa(), {
      commonName: "old",
      dnsNames: ["x"],
      ipAddresses: [],
      usage: "both",
      validity: { from: new Date(0), until: new Date(86_400_000) },
    });
    if (!old.ok) throw new Error(old.error);
    await writePem(directory.path, "ca", old.value);
    const opened = await openDevelopmentCa(directory.path);
    expect(opened.ok ? "" : opened.error).toContain("expired on 1970-01-02");
  });

  it("replaces a pair without writing through a link", async () => {
    await using directory = await temporaryDirectory();
    await writeFile(directory.file("elsewhere"), "untouched");
    await symlink(directory.file("elsewhere"), directory.file("leaf.key"));
    const written = await writePem(directory.path, "leaf", await createDevelopmentCa());
    expect(written.ok).toBe(true);
    expect(await readFile(directory.file("elsewhere"), "utf8")).toBe("untouched");
    expect(await readFile(directory.file("leaf.key"), "utf8")).toContain("PRIVATE KEY");
  });

  it.each(["../up", ".hidden", "a/b", ""])("refuses the name %j", async (name) => {
    await using directory = await temporaryDirectory();
    const written = await writePem(directory.path, name, await createDevelopmentCa());
    expect(written.ok ? "" : written.error).toContain("is not a file name");
  });
});
