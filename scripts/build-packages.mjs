#!/usr/bin/env node
// Builds what is published to npm, each into its own dist/: JavaScript, declarations, a package.json that points at them.
// Node strips no types inside node_modules, so sources are enough for this repository only.
import { spawnSync } from "node:child_process";
import { copyFileSync, cpSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

// in order: a later package is compiled against the dist/ of the earlier ones
build("proto", {
  // the names stay what the sources import, `.ts` included: a bare import is not rewritten by the compiler
  exports: { "./gen/*.ts": built("./gen/*"), "./*.ts": built("./src/*"), "./sallyport/*.proto": "./sallyport/*.proto" },
  also: ["sallyport"],
});
build("lean-grpc", { exports: { "./*.ts": built("./*") }, also: [] });
build("interceptors-sdk", { exports: { ".": built("./index"), "./testing": built("./testing") }, also: [] });
build("conformance", { exports: { ".": built("./index") }, also: [] });

function build(directory, { exports, also }) {
  const from = join(root, directory);
  const dist = join(from, "dist");
  rmSync(dist, { recursive: true, force: true });
  compile(from);
  const { name, version, description, license, type, keywords, dependencies, bin } = readPackage(from);
  const engines = { node: ">=20" };
  const programs = bin && Object.fromEntries(Object.entries(bin).map(([command, path]) => [command, builtProgram(path)]));
  const about = { name, version, description, license, type, keywords, engines, sideEffects: false };
  const published = { ...about, bin: programs, exports, dependencies };
  writeFileSync(join(dist, "package.json"), `${JSON.stringify(published, null, 2)}\n`);
  copyFileSync(join(root, "LICENSE"), join(dist, "LICENSE"));
  for (const path of [...also, "README.md"].filter((each) => existsSync(join(from, each)))) {
    cpSync(join(from, path), join(dist, path), { recursive: true });
  }
  console.log(`built ${name}@${version} into ${directory}/dist (npm publish ./${directory}/dist)`);
}

function compile(directory) {
  const tsc = join(root, "node_modules", ".bin", "tsc");
  const project = join(directory, "tsconfig.build.json");
  const { status } = spawnSync(tsc, ["--project", project], { cwd: root, stdio: "inherit", shell: process.platform === "win32" });
  if (status === 0) return;
  console.error(`build: ${project} does not compile, see above`);
  process.exit(1);
}

function readPackage(directory) {
  return JSON.parse(readFileSync(join(directory, "package.json"), "utf8"));
}

/** `src/main.ts` becomes `./main.js`; the compiler keeps its first line, which makes it a program. */
function builtProgram(path) {
  return path.replace(/^src\//, "./").replace(/\.ts$/, ".js");
}

function built(path) {
  return { types: `${path}.d.ts`, default: `${path}.js` };
}
