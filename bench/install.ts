import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** `npm ci` for the bench's own packages, when what is installed is not what its lockfile asks for. Throws when npm fails. */
export function installPeers(say: (line: string) => void): string {
  const directory = fileURLToPath(new URL(".", import.meta.url));
  if (!isInstalled(directory)) {
    say("installing the bench's own packages (npm ci in bench/)");
    const { status, error } = spawnSync("npm", ["ci", "--ignore-scripts", "--loglevel=error"], {
      cwd: directory,
      stdio: ["ignore", "inherit", "inherit"],
      env: outerEnvironment(),
    });
    if (error !== undefined) throw new Error(`npm could not be started: ${error.message}`);
    if (status !== 0) throw new Error("npm ci failed in bench/, see above");
  }
  return join(directory, "node_modules");
}

/** npm compared with npm's own record of what it put there. */
function isInstalled(directory: string): boolean {
  try {
    const wanted = packagesIn(join(directory, "package-lock.json"));
    const found = packagesIn(join(directory, "node_modules", ".package-lock.json"));
    return Object.entries(wanted).every(
      ([path, entry]) => path === "" || entry.optional === true || found[path]?.version === entry.version,
    );
  } catch {
    return false;
  }
}

interface LockedPackage {
  readonly version: string;
  readonly optional?: boolean;
}

function packagesIn(path: string): Readonly<Record<string, LockedPackage>> {
  // npm's lockfile, versions 2 and 3
  return (JSON.parse(readFileSync(path, "utf8")) as { readonly packages: Record<string, LockedPackage> }).packages;
}

/** `npm run` tells the npm inside it to work on the project it started from; this one is about another. */
function outerEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^npm_(package|lifecycle|config_local_prefix|command)/.test(name));
  return Object.fromEntries(kept);
}
