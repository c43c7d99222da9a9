#!/usr/bin/env node
// The gate. One line per step; what a step printed is shown only when it failed; every step runs even after a failure,
// so that one run tells everything. The tests come last and speak for themselves.
//   npm run check    everything that needs no other process
//   npm test         the same, and the end-to-end tests (--with-e2e)
import { spawn } from "node:child_process";
import { availableParallelism } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const proto = join(root, "proto");
const withE2e = process.argv.includes("--with-e2e");

const steps = [
  {
    name: "format",
    command: "prettier --check --log-level warn --cache .",
    hint: "npm run format",
  },
  { name: "lint", command: "oxlint --type-aware --deny-warnings" },
  { name: "types", command: "tsc --project tsconfig.json" },
  { name: "lockfile", command: "node scripts/lockfile.mjs" },
  { name: "generated code", command: "node scripts/generate.mjs --check", hint: "npm run generate" },
  { name: "buf lint", command: "buf lint", cwd: proto },
  { name: "buf breaking", command: "buf breaking --against baseline.yaml", cwd: proto },
];
// only in the full run, in what the tests leave of the processors: generated requests and responses, others each time
const fuzzing = { name: "fuzzing", command: "nice -n 19 node test/fuzz/timed.ts 120" };
const tests = withE2e
  ? { name: "tests", command: "vitest run", live: true }
  : { name: "tests without e2e", command: "vitest run --project 'unit*'", live: true };

const stepCount = steps.length + (withE2e ? 2 : 1);
const startedMs = Date.now();
const failed = [];
const waiting = [...steps];
await Promise.all(Array.from({ length: Math.min(4, Math.max(2, availableParallelism())) }, worker));
await Promise.all([perform(tests), withE2e ? perform(fuzzing) : undefined]);
finish();

async function worker() {
  for (let step = waiting.shift(); step !== undefined; step = waiting.shift()) await perform(step);
}

async function perform(step) {
  const stepStartedMs = Date.now();
  const { exitCode, output } = await run(step);
  console.log(`${exitCode === 0 ? "ok    " : "FAILED"} ${step.name.padEnd(18)} ${seconds(Date.now() - stepStartedMs)}`);
  if (exitCode === 0) return;
  failed.push(step.name);
  if (output.trim() !== "") console.log(output.trimEnd().replaceAll(/^/gm, "       "));
  if (step.hint !== undefined) console.log(`       (\`${step.hint}\` mends it)`);
}

function run({ command, cwd = root, live = false }) {
  const env = { ...process.env, PATH: [join(root, "node_modules", ".bin"), process.env.PATH].join(delimiter) };
  // a log file gets plain text, also where CI=true makes tools believe in colours
  if (env.NO_COLOR === undefined && env.FORCE_COLOR === undefined)
    Object.assign(env, process.stdout.isTTY ? { FORCE_COLOR: "1" } : { NO_COLOR: "1" });
  return new Promise((resolve) => {
    const child = spawn(command, { cwd, env, shell: true, stdio: live ? "inherit" : ["ignore", "pipe", "pipe"] });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream?.setEncoding("utf8").on("data", (text) => (output += text));
    child.on("error", (error) => resolve({ exitCode: 1, output: error.message }));
    child.on("close", (code) => resolve({ exitCode: code ?? 1, output }));
  });
}

function finish() {
  const took = seconds(Date.now() - startedMs);
  if (failed.length === 0) return console.log(`check: all ${stepCount} steps passed in ${took}`);
  console.log(`check: ${failed.length} of ${stepCount} steps failed in ${took}: ${failed.join(", ")}`);
  process.exitCode = 1;
}

function seconds(ms) {
  return `${(ms / 1000).toFixed(1)} s`;
}
