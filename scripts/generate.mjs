#!/usr/bin/env node
// Turns proto/**/*.proto into proto/gen/**/*.ts (buf + ts-proto, settings in proto/buf.gen.yaml).
//   npm run generate                 writes proto/gen
//   npm run generate -- --check      changes nothing; fails when proto/gen is not what the definitions give
//   npm run generate -- --baseline   also makes today's definitions the ones `buf breaking` compares with
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const protoDirectory = join(root, "proto");
const committed = join(protoDirectory, "gen");

const scratch = mkdtempSync(join(tmpdir(), "sallyport-generate-"));
try {
  buf("generate", "--output", scratch);
  const fresh = join(scratch, "gen");
  const stale = differences(fresh, committed);
  if (process.argv.includes("--check")) report(stale);
  else if (stale.length > 0) replace(fresh);
  if (process.argv.includes("--baseline")) buf("build", "--exclude-source-info", "--output", "baseline.yaml");
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

function buf(...args) {
  const path = [join(root, "node_modules", ".bin"), process.env.PATH].join(delimiter);
  const env = { ...process.env, PATH: path };
  const { status, error } = spawnSync("buf", args, {
    cwd: protoDirectory,
    env,
    stdio: "inherit",
    shell: process.platform === "win32",
  });
  if (error !== undefined) throw new Error("buf is not installed; run `node scripts/prepare.mjs`", { cause: error });
  if (status !== 0) throw new Error(`buf ${args[0]} failed with exit code ${status}`);
}

/** Paths that are missing, left over or different in `existing`. */
function differences(fresh, existing) {
  const [wanted, found] = [filesBelow(fresh), filesBelow(existing)];
  return [...new Set([...wanted.keys(), ...found.keys()])].filter((path) => wanted.get(path) !== found.get(path));
}

function filesBelow(directory) {
  let entries;
  try {
    entries = readdirSync(directory, { recursive: true, withFileTypes: true });
  } catch (error) {
    if (error.code === "ENOENT") return new Map();
    throw error;
  }
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath ?? entry.path, entry.name));
  return new Map(paths.map((path) => [path.slice(directory.length + 1), readFileSync(path, "utf8")]));
}

function report(stale) {
  if (stale.length === 0) return;
  console.error(
    `proto/gen is not what the definitions give: ${stale.join(", ")}. Run \`npm run generate\` and commit the result.`,
  );
  process.exitCode = 1;
}

function replace(fresh) {
  rmSync(committed, { recursive: true, force: true });
  cpSync(fresh, committed, { recursive: true });
}
