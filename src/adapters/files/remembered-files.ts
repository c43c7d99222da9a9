import { err, ok } from "../../model/result.ts";
import { readBounded, type ReadBytes } from "./read-bounded.ts";

/** Texts of files by path. */
export type FileTexts = ReadonlyMap<string, string>;

/** Reads from texts at hand instead of the disk; `texts` is asked at each reading. A path that is not among them is an error. */
export const readFromTexts =
  (texts: () => FileTexts): ReadBytes =>
  (path, maxBytes) => {
    const text = texts().get(path);
    if (text === undefined) return Promise.resolve(err(`${path} is not among the files at hand`));
    const bytes = Buffer.from(text);
    return Promise.resolve(bytes.length > maxBytes ? err(`${path} has more than ${maxBytes} bytes`) : ok(bytes));
  };

/** Reads from the disk and remembers what each path held last. Bounded by the paths configurations name: `take` forgets all others. */
export class RememberedFiles {
  readonly #texts = new Map<string, string>();

  readonly read: ReadBytes = async (path, maxBytes) => {
    const bytes = await readBounded(path, maxBytes);
    if (bytes.ok) this.#texts.set(path, bytes.value.toString("utf8"));
    return bytes;
  };

  /** What these paths held when they were read last; those that never were read are missing. The others are forgotten. */
  take(paths: readonly string[]): FileTexts {
    const wanted = new Set(paths);
    for (const path of [...this.#texts.keys()]) if (!wanted.has(path)) this.#texts.delete(path);
    return new Map(this.#texts);
  }
}
