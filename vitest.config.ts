import { defineConfig } from "vitest/config";

/** End-to-end tests that a listener's codec could break. */
const CLIENT_SIDE = [
  ...["access-log", "bodies", "clients", "denials", "drain", "flow", "identity", "listeners"],
  ...["long-lived", "oracle", "overload", "problems", "proxy", "reload", "rotation", "sse", "streams", "websocket-reviews"],
];

/** End-to-end tests whose clients do not care which version of HTTP they speak. */
const EITHER_VERSION = [
  ...["access-log", "attempts", "authenticate", "bodies", "denials", "failures", "flow", "grants", "identity", "oracle"],
  ...["parts-and-uploads", "patches", "powers", "problems", "proxy", "reroute", "secrets", "selectors", "verdict-cache"],
];

/**
 * Files share processes, two at a time: to load a gateway anew for each cost more than half of what unit tests took. Nothing of ours keeps state in
 * modules, and a test ends what it started.
 */
const UNIT = { isolate: false, testTimeout: 10_000, sequence: { groupOrder: 0 } } as const;

/** They wait more than they work, so that three at a time fit on two cores. A process of its own per file: sockets, signals and child processes do not leak between files. */
const OVER_SOCKETS = {
  pool: "forks",
  maxWorkers: 3,
  testTimeout: 60_000,
  hookTimeout: 60_000,
  sequence: { groupOrder: 1 },
} as const;

/** The same for files that start a gateway in their own process and end it. */
const ONCE_MORE = { ...OVER_SOCKETS, isolate: false } as const;

/**
 * Two projects, and a second time with our own codec what the first runs with Node's. `unit` is everything that needs no other process and runs in `npm run check`; `e2e` starts gateways,
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
          ...UNIT,
        },
      },
      {
        extends: true,
        test: {
          name: "e2e",
          include: ["test/e2e/**/*.test.ts"],
          ...OVER_SOCKETS,
        },
      },
      // official SDKs, where they are installed (test/compat/README.md)
      {
        extends: true,
        test: {
          name: "compat",
          include: ["test/compat/*.test.ts"],
          ...OVER_SOCKETS,
        },
      },
      // the same requests over HTTP/2, wherever a test does not say how it sends them
      {
        extends: true,
        test: {
          name: "e2e, HTTP/2",
          include: EITHER_VERSION.map((name) => `test/e2e/${name}.test.ts`),
          env: { SALLYPORT_TEST_PROTOCOL: "h2c" },
          ...ONCE_MORE,
        },
      },
      // what a client can see of a listener, with our own codec: the same tests
      {
        extends: true,
        test: {
          name: "unit, sallyport codec",
          include: ["test/unit/adapters/inbound/*.test.ts"],
          env: { SALLYPORT_TEST_CODEC: "sallyport" },
          ...UNIT,
        },
      },
      {
        extends: true,
        test: {
          name: "e2e, sallyport codec",
          include: CLIENT_SIDE.map((name) => `test/e2e/${name}.test.ts`),
          env: { SALLYPORT_TEST_CODEC: "sallyport" },
          ...ONCE_MORE,
        },
      },
    ],
  },
});
