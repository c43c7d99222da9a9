import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import type { Clock } from "../../ports/clock.ts";
import { readBounded } from "./read-bounded.ts";
import { watchDirectories, type DirectoryWatch } from "./watch-directories.ts";

/** Largest file that is followed, bytes; a larger one counts as unreadable. */
export const MAX_WATCHED_BYTES = 10 * 1024 * 1024;

/** How long it must be quiet after a change before the files are looked at: writers need several steps. */
const QUIET_MS = 75;

/** Watches get lost (network file systems, exhausted system limits); looking every few seconds does not. */
const POLL_MS = 5000;

/** A file at one moment. */
export interface SeenFile {
  /** Changes whenever the content may have. */
  readonly stamp: string;
  /** SHA-256 of the content, hex, or why there is none. */
  readonly hash: string;
}

export interface WatchedFilesOptions {
  readonly clock: Clock;
  /** The content of a file is another one than was last seen or announced. Says nothing about whether it is any good. */
  readonly onChange: () => void;
  /** Watching failed; the slow look every 5 s goes on. */
  readonly onWatchFailure?: (reason: string) => void;
  /** How directories are watched; for tests of the slow look. */
  readonly watch?: typeof watchDirectories;
}

/**
 * Follows the content of files until disposed, however it is replaced: in place, by rename, by switching a link on the way.
 * A change is announced once, when it is quiet; touching a file or writing the same again is none.
 */
export class WatchedFiles implements AsyncDisposable {
  /** Resolves when changes from now on are noticed at once. */
  readonly ready: Promise<void>;
  readonly #clock: Clock;
  readonly #onChange: () => void;
  readonly #watch: DirectoryWatch;
  /** What each file was when last seen or announced. */
  #known = new Map<string, SeenFile>();
  #looking: Promise<void> | undefined;
  #lookAgain = false;
  #closed = false;
  #cancelQuiet = (): void => {};
  #cancelPoll = (): void => {};

  constructor(files: readonly string[], options: WatchedFilesOptions) {
    this.#clock = options.clock;
    this.#onChange = options.onChange;
    this.#watch = (options.watch ?? watchDirectories)(files, {
      changed: () => this.#lookWhenQuiet(),
      failed: (reason) => options.onWatchFailure?.(reason),
    });
    this.ready = this.#watch.ready;
    this.#pollLater();
  }

  /** Somebody read this content: from now on only another one is a change. */
  saw(file: string, seen: SeenFile): void {
    this.#known.set(file, seen);
  }

  /** Follows exactly these files. One followed before keeps what it was: a change since is still a change. */
  async follow(files: readonly string[]): Promise<void> {
    this.#watch.follow(files);
    const seen = await Promise.all(files.map(async (file) => [file, this.#known.get(file) ?? (await look(file))] as const));
    this.#known = new Map(seen);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#cancelQuiet();
    this.#cancelPoll();
    await this.#watch[Symbol.asyncDispose]();
    await this.#looking;
  }

  #lookWhenQuiet(): void {
    if (this.#closed) return;
    this.#cancelQuiet();
    this.#cancelQuiet = this.#clock.after(QUIET_MS, () => void this.#look("content"));
  }

  #pollLater(): void {
    this.#cancelPoll = this.#clock.after(POLL_MS, () => {
      void this.#look("stamp");
      this.#pollLater();
    });
  }

  /** One look at a time; a wish in between is one more look afterwards. */
  async #look(at: "content" | "stamp"): Promise<void> {
    if (this.#looking !== undefined) {
      this.#lookAgain = true;
      return this.#looking;
    }
    this.#looking = this.#lookOnce(at);
    await this.#looking;
    this.#looking = undefined;
    if (!this.#lookAgain || this.#closed) return;
    this.#lookAgain = false;
    return this.#look("content");
  }

  /** Told of a change, it reads: two writes within one tick of the file system's clock leave the same stamp. Looking now and then, it trusts the stamp. */
  async #lookOnce(at: "content" | "stamp"): Promise<void> {
    let changed = false;
    for (const [file, known] of [...this.#known]) {
      const same = at === "stamp" && (await stamp(file)) === known.stamp;
      const now = same ? known : await look(file);
      // read() may have put a newer one there meanwhile
      if (this.#known.get(file) !== known) continue;
      this.#known.set(file, now);
      changed ||= now.hash !== known.hash;
    }
    if (changed && !this.#closed) this.#onChange();
  }
}

async function look(file: string): Promise<SeenFile> {
  const before = await stamp(file);
  const bytes = await readBounded(file, MAX_WATCHED_BYTES);
  return { stamp: before, hash: bytes.ok ? sha256(bytes.value) : bytes.error };
}

/** Which file it is and when it last changed, links followed. Taken before reading: a write in between is seen by the next look. */
export async function stamp(file: string): Promise<string> {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = await stat(file, { bigint: true });
    return `${dev}:${ino}:${size}:${mtimeNs}:${ctimeNs}`;
  } catch {
    return "absent";
  }
}

/** Lower-case hex. */
export const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
