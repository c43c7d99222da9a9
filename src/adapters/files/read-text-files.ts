import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { err, ok, type Result } from "../../model/result.ts";
import { readBounded } from "./read-bounded.ts";

/** One file of a directory. */
export interface TextFile {
  /** Its name without the suffix. */
  readonly stem: string;
  readonly file: string;
  readonly text: Result<string, string>;
}

/** Most files of one directory that are read. */
const MAX_FILES = 1_000;

/** Reads the files of a directory that end in `suffix`, by name; an error where there is no such directory or it holds too many. */
export async function readTextFiles(
  directory: string,
  { suffix, maxBytes }: { readonly suffix: string; readonly maxBytes: number },
): Promise<Result<readonly TextFile[], string>> {
  const names = await readdir(directory).catch(() => undefined);
  if (names === undefined) return err("the directory cannot be read");
  const wanted = names.filter((name) => name.endsWith(suffix)).toSorted();
  if (wanted.length > MAX_FILES) return err(`the directory holds more than ${MAX_FILES} files`);
  const files: TextFile[] = [];
  for (const name of wanted) {
    const file = join(directory, name);
    const bytes = await readBounded(file, maxBytes);
    files.push({ stem: name.slice(0, -suffix.length), file, text: bytes.ok ? ok(new TextDecoder().decode(bytes.value)) : bytes });
  }
  return ok(files);
}
