import { defineConfig } from "vitest/config";

/**
 * Two projects. `unit` is everything that needs no other process and runs in `npm run check`; `e2e` starts gateways,
 * interceptors and upstreams over real sockets and runs after it in `npm test`. Soaks and benchmarks are started by
 * hand, never from here: a stopwatch does not fail a build.
 */
export default defineConfig({
  test: {
    // machines have two cores: more workers only make deadlines miss
    maxWorkers: 2,
    teardownTimeout: 20_000,
    // a passing test has nothing to say; a failing one shows everything it printed
    silent: "passed-only",
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: [
            "test/{unit,contract,golden,conformance}/**/*.test.ts",
            "test/{architecture,examples,rules}.test.ts",
            "{proto,interceptors-sdk,examples}/**/*.test.ts",
          ],
          exclude: ["**/node_modules/**", "**/dist/**"],
          testTimeout: 10_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: "e2e",
          include: ["test/e2e/**/*.test.ts"],
          // a process of its own per file: sockets, signals and child processes do not leak between files
          pool: "forks",
          testTimeout: 60_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
