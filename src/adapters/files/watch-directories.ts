import { basename, dirname, resolve } from "node:path";
import { watch } from "chokidar";

/** Reports that something may have changed in a directory; which file and how is for the listener to find out. */
export interface DirectoryWatch extends AsyncDisposable {
  /** Resolves when changes from now on are seen. */
  readonly ready: Promise<void>;
  /** From now on exactly the directories of these files, beginning with the ones it has. */
  follow(files: readonly string[]): void;
}

/**
 * Watches directories, never files: a file that is replaced by a rename, or reached through a link that is switched (Kubernetes'
 * `..data`), is another file afterwards, and a watch on the old one hears nothing. Does not keep the process alive.
 */
export function watchDirectories(
  files: readonly string[],
  listener: { changed(): void; failed(reason: string): void },
): DirectoryWatch {
  let names = new Set(files.map((file) => basename(file)));
  let directories = directoriesOf(files);
  const watcher = watch([...directories], {
    depth: 0,
    followSymlinks: false,
    ignoreInitial: true,
    persistent: false,
    ignorePermissionErrors: true,
    // a crowded directory (a home, /tmp) must not cost a wake-up per file of somebody else; links are kept: one of them may be on our way
    ignored: (path, stats) => stats?.isFile() === true && !names.has(basename(path)),
  });
  watcher.on("all", () => listener.changed());
  watcher.on("error", (error) => listener.failed(error instanceof Error ? error.message : String(error)));
  return {
    ready: new Promise((done) => watcher.once("ready", () => done())),
    follow(wanted) {
      names = new Set(wanted.map((file) => basename(file)));
      const next = directoriesOf(wanted);
      const added = [...next.difference(directories)];
      const gone = [...directories.difference(next)];
      directories = next;
      if (added.length > 0) watcher.add(added);
      if (gone.length > 0) watcher.unwatch(gone);
    },
    [Symbol.asyncDispose]: () => watcher.close(),
  };
}

const directoriesOf = (files: readonly string[]): ReadonlySet<string> => new Set(files.map((file) => dirname(resolve(file))));
