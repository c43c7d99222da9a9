import { lstatSync, mkdtempSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";

/** A directory of its own under directories that belong to root or to us and that nobody else may write to; removed when disposed. */
export interface TrustedDirectory extends Disposable {
  readonly path: string;
  file(name: string): string;
}

/** Where such directories can be made on this machine; undefined where nobody but us has a hand in every place we may write to. */
const PLACE = [process.env["XDG_RUNTIME_DIR"], "/run", homedir(), import.meta.dirname].find(
  (path) => path !== undefined && isTrusted(path),
);

/** Reason to skip what needs one: `skipIf(NO_TRUSTED_PLACE)`. */
export const NO_TRUSTED_PLACE = PLACE === undefined;

/** Makes one; throws where there is no place for it. */
export function trustedDirectory(): TrustedDirectory {
  if (PLACE === undefined) throw new Error("no directory here is out of others' reach");
  // short: the path of a socket has at most 107 bytes
  const path = mkdtempSync(join(PLACE, "sp-"));
  return { path, file: (name) => join(path, name), [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

function isTrusted(path: string): boolean {
  try {
    rmSync(mkdtempSync(join(path, "sp-")), { recursive: true });
    return isOutOfReach(path);
  } catch {
    return false;
  }
}

function isOutOfReach(path: string): boolean {
  const found = lstatSync(path);
  const isOurs = found.isDirectory() && [0, process.geteuid?.()].includes(found.uid) && (found.mode & 0o022) === 0;
  return isOurs && (path === dirname(path) || isOutOfReach(dirname(path)));
}
