#!/usr/bin/env node
// Keeps package-lock.json complete for every platform. `npm ci` refuses a lockfile that lacks an optional package, even
// one this machine would never install, and npm leaves such entries out when its registry does not serve them.
// Without arguments: checks. With --write: adds what is missing (version from the package that asks for it; no integrity,
// because nothing was downloaded; `npm install` where the registry has them all makes the entry whole).
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const path = fileURLToPath(new URL("../package-lock.json", import.meta.url));
const lockfile = JSON.parse(readFileSync(path, "utf8"));
const missing = missingPackages(lockfile.packages);

if (missing.length === 0) process.exit(0);
if (process.argv.includes("--write")) {
  for (const { at, entry } of missing) lockfile.packages[at] = entry;
  lockfile.packages = Object.fromEntries(Object.entries(lockfile.packages).toSorted(([a], [b]) => a.localeCompare(b, "en")));
  writeFileSync(path, `${JSON.stringify(lockfile, null, 2)}\n`);
  console.log(`package-lock.json: added ${missing.length} optional packages of other platforms`);
} else {
  console.error(`package-lock.json lacks ${missing.map(({ at }) => at).join(", ")}.`);
  console.error("`npm ci` would refuse it. Run `node scripts/lockfile.mjs --write` and commit the file.");
  process.exit(1);
}

function missingPackages(packages) {
  return Object.entries(packages).flatMap(([asker, { optionalDependencies = {}, dev }]) =>
    Object.entries(optionalDependencies)
      .filter(([name]) => !(`node_modules/${name}` in packages) && !(`${asker}/node_modules/${name}` in packages))
      .map(([name, version]) => ({
        at: `node_modules/${name}`,
        entry: entryFor(name, version, dev),
      })),
  );
}

/** Platform packages carry their platform in the name: `@oxlint/binding-linux-arm64-musl`. Keys in npm's order. */
function entryFor(name, version, dev) {
  const words = name.split(/[/-]/);
  const osAt = words.findIndex((word) => ["aix", "android", "darwin", "freebsd", "linux", "openharmony", "win32"].includes(word));
  if (osAt === -1) throw new Error(`${name} names no platform; add it to package-lock.json with npm`);
  const architecture = words[osAt + 1];
  const libc = words.at(-1).startsWith("musl") ? "musl" : words.at(-1).startsWith("gnu") ? "glibc" : undefined;
  return {
    version,
    cpu: [{ aarch64: "arm64", armv7: "arm" }[architecture] ?? architecture],
    ...(dev ? { dev } : {}),
    ...(libc === undefined ? {} : { libc: [libc] }),
    optional: true,
    os: [words[osAt]],
  };
}
