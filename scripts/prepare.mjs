#!/usr/bin/env node
// Runs before `npm start`, `npm test` and `npm run check`: installs what the lockfile asks for and node_modules lacks.
// Plain JavaScript without dependencies, because on a fresh clone an older system Node runs it and nothing is there yet.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const onWindows = process.platform === "win32";
const wanted = readJson("package-lock.json");
if (wanted === undefined) fail("package-lock.json is missing or broken; `git checkout package-lock.json` brings it back");
const nodeVersion = `v${wanted.packages["node_modules/node"].version}`;

const reason = whyInstall();
if (reason !== undefined) install(reason);
requirePinnedNode();

/** Compares the lockfile with npm's own record of what it installed, so that an `npm install` by hand counts too. */
function whyInstall() {
  const installed = readJson("node_modules/.package-lock.json");
  if (installed === undefined) return "nothing is installed yet";
  for (const [path, entry] of Object.entries(wanted.packages)) {
    if (path === "") continue;
    const found = installed.packages[path];
    // packages for other platforms are optional and absent
    if (found === undefined && entry.optional) continue;
    if (found?.version !== entry.version || found?.integrity !== entry.integrity)
      return `the lockfile has another ${nameOf(path)}`;
  }
  return undefined;
}

function install(why) {
  console.log(`prepare: ${why}; running npm ci (once, up to a minute) …`);
  const startedMs = Date.now();
  // error level: under an older system Node, npm warns about engines that the pinned Node satisfies.
  // The scripts of the packages that package.json does not allow stay off: `allowScripts`.
  const npmArguments = ["ci", "--include=dev", "--loglevel=error", "--no-audit", "--no-fund"];
  const { status, error } = spawnSync("npm", npmArguments, {
    cwd: root,
    stdio: "inherit",
    shell: onWindows,
    env: systemEnvironment(),
  });
  if (error !== undefined) fail(`npm could not be started: ${error.message}`);
  if (status !== 0) fail("npm ci failed, see above. It needs the npm registry (`npm ping` tries it); then run this again");
  console.log(`prepare: installed in ${((Date.now() - startedMs) / 1000).toFixed(1)} s; the next run starts at once`);
}

/** npm must not run on the Node binary inside the node_modules it is about to delete. */
function systemEnvironment() {
  const name = Object.keys(process.env).find((key) => key.toUpperCase() === "PATH") ?? "PATH";
  const path = (process.env[name] ?? "").split(delimiter).filter((entry) => !/[\\/]node_modules[\\/]/.test(`${entry}/`));
  return { ...process.env, [name]: path.join(delimiter) };
}

/** The project runs on the Node of the npm package `node`; its binary comes from that package's install script. */
function requirePinnedNode() {
  if (process.version === nodeVersion && process.execPath.startsWith(join(root, "node_modules"))) return;
  const binary = join(root, "node_modules", ".bin", "node");
  const { stdout, error } = spawnSync(binary, ["--version"], { encoding: "utf8", shell: onWindows });
  const found = error === undefined ? stdout.trim() : `nothing (${error.code ?? error.message})`;
  if (found === nodeVersion) return;
  fail(
    `node_modules/.bin/node should be Node ${nodeVersion}, found ${found}. The npm package "node" gets its binary from an install ` +
      "script: if npm is told to ignore scripts (`npm config get ignore-scripts`), run `npm rebuild node --ignore-scripts=false`; " +
      "if node_modules came from another machine, delete it and run this again",
  );
}

function nameOf(path) {
  return path.slice(path.lastIndexOf("node_modules/") + (path.includes("node_modules/") ? "node_modules/".length : 1));
}

function readJson(path) {
  try {
    return JSON.parse(readFileSync(join(root, path), "utf8"));
  } catch {
    return undefined;
  }
}

function fail(message) {
  console.error(`prepare: ${message}.`);
  process.exit(1);
}
