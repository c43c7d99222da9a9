import { err, ok, type Result } from "../../model/result.ts";
import { readBounded } from "../files/read-bounded.ts";
import { MAX_WATCHED_BYTES, sha256, stamp, WatchedFiles, type WatchedFilesOptions } from "../files/watched-files.ts";

/** The text of a configuration file and the SHA-256 of its bytes, hex. */
export interface ConfigText {
  readonly text: string;
  readonly hash: string;
}

/** A configuration file and the files it names, watched until disposed. */
export interface FileConfigSource extends AsyncDisposable {
  /** Resolves when changes from now on are noticed at once. */
  readonly ready: Promise<void>;
  /** At most 10 MiB of UTF-8. The error is a fragment naming the file. What was read is what later changes are told apart from. */
  read(): Promise<Result<ConfigText, string>>;
  /** The files the configuration names (`*_file`), absolute or relative to the working directory; replaces the list before. */
  alsoWatch(files: readonly string[]): Promise<void>;
}

/** Watches one configuration file from now on. A half-written one is announced like any other: the loader refuses it, and the rest follows as the next change. */
export function fileConfigSource(path: string, options: WatchedFilesOptions): FileConfigSource {
  const files = new WatchedFiles([path], options);
  return {
    ready: files.ready,
    async read() {
      // the stamp first: what is written while we read counts as a change
      const before = await stamp(path);
      const bytes = await readBounded(path, MAX_WATCHED_BYTES);
      const hash = bytes.ok ? sha256(bytes.value) : bytes.error;
      files.saw(path, { stamp: before, hash });
      return bytes.ok ? decoded(path, bytes.value, hash) : bytes;
    },
    alsoWatch: (others) => files.follow([...new Set([path, ...others])]),
    [Symbol.asyncDispose]: () => files[Symbol.asyncDispose](),
  };
}

function decoded(path: string, bytes: Uint8Array, hash: string): Result<ConfigText, string> {
  try {
    return ok({ text: new TextDecoder("utf-8", { fatal: true }).decode(bytes), hash });
  } catch {
    return err(`${path} is not UTF-8 text`);
  }
}
