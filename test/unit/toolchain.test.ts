import { createRequire } from "node:module";
import { describe, expect, it } from "vitest";

const require = createRequire(import.meta.url);
const versionOf = (name: string): unknown => require(`${name}/package.json`).version;

describe("the toolchain", () => {
  it("runs on the Node the lockfile pins, not on the system's", () => {
    expect(process.version).toBe(`v${String(versionOf("node"))}`);
  });

  it("has undici 8: npm under an older Node picks 7, which loses HTTP/2 trailers", () => {
    expect(versionOf("undici")).toMatch(/^8\./);
  });

  it("strips types and nothing else: an enum does not run", () => {
    expect(process.features.typescript).toBe("strip");
  });
});
