import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../../../", import.meta.url));

/** Exit code and diagnostics of one compiler over interceptors-sdk/test-types. */
async function check(compiler: string): Promise<string> {
  const args = [`${root}node_modules/${compiler}/bin/tsc`, "-p", `${root}interceptors-sdk/test-types`];
  try {
    const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 100_000 });
    return stdout;
  } catch (failed) {
    return `${String(failed)}\n${String(Object(failed).stdout)}`;
  }
}

describe("the types of the SDK", () => {
  it.each(["typescript-5", "typescript-6", "typescript"])(
    "accept what a binding may do, and nothing else, under %s",
    { timeout: 120_000 },
    async (compiler) => {
      expect(await check(compiler)).toBe("");
    },
  );
});
