import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { afterAll, describe, expect, it } from "vitest";

const sdk = new URL("../../../interceptors-sdk/", import.meta.url);
const readme = await readFile(new URL("README.md", sdk), "utf8");
const snippets = [...readme.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(([, code = ""], index) => ({ index, code }));

afterAll(() => rm(new URL("dist/readme", sdk), { recursive: true, force: true }));

describe("the README of the SDK", () => {
  it("has snippets", () => {
    expect(snippets.length).toBeGreaterThanOrEqual(3);
  });

  it.each(snippets)("runs snippet $index as it stands", async ({ index, code }) => {
    // below the package, where its own name resolves; dist is not part of the repository
    const file = new URL(`dist/readme/snippet-${index}.ts`, sdk);
    await mkdir(new URL(".", file), { recursive: true });
    await writeFile(file, code);
    await import(file.pathname);
  });
});
