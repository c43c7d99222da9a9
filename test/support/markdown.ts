import { posix } from "node:path";
import { filesMatching, textOf } from "./source-tree.ts";

/** One fenced block. */
export interface CodeBlock {
  readonly file: string;
  /** One-based line of the opening fence. */
  readonly line: number;
  /** First word of the fence's info string. */
  readonly language: string;
  /** The rest of it: how the block is meant, such as `fragment`. */
  readonly note: string;
  readonly text: string;
}

/** Every Markdown file of the repository. */
export const markdownFiles = (): readonly string[] => filesMatching("**/*.md");

/** The fenced blocks of a file, in order. */
export function codeBlocks(file: string): readonly CodeBlock[] {
  const text = textOf(file);
  return [...text.matchAll(/^```(\S*)[ \t]*(.*)\n([\s\S]*?)^```$/gm)].map(
    ({ index, 1: language = "", 2: note = "", 3: inside = "" }) => ({
      file,
      line: text.slice(0, index).split("\n").length,
      language,
      note,
      text: inside,
    }),
  );
}

/** The text around the fenced blocks; blank lines stand for them, so that line numbers stay. */
export const prose = (file: string): string =>
  textOf(file).replaceAll(/^```[\s\S]*?^```$/gm, (block) => block.replaceAll(/[^\n]/g, ""));

/** Links that lead nowhere, as `file: link`. External ones are not asked. */
export function brokenLinks(file: string): readonly string[] {
  const links = [...prose(file).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = ""]) => link);
  return links.filter((link) => !/^[a-z]+:/.test(link) && !leadsSomewhere(file, link)).map((link) => `${file}: ${link}`);
}

function leadsSomewhere(file: string, link: string): boolean {
  const [path = "", anchor] = link.split("#");
  const target = path === "" ? file : posix.join(posix.dirname(file), path);
  if (anchor !== undefined) return target.endsWith(".md") && filesMatching(target).length === 1 && anchorsOf(target).has(anchor);
  return filesMatching(target).length === 1;
}

/** The anchors GitHub gives to the headings of a file. */
function anchorsOf(file: string): ReadonlySet<string> {
  const anchors = new Set<string>();
  for (const [, heading = ""] of prose(file).matchAll(/^#{1,6} (.+)$/gm)) {
    const plain = heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1").toLowerCase();
    const slug = plain
      .replaceAll(/[^\p{L}\p{N}\p{M}_ -]/gu, "")
      .trim()
      .replaceAll(" ", "-");
    let anchor = slug;
    for (let again = 1; anchors.has(anchor); again += 1) anchor = `${slug}-${again}`;
    anchors.add(anchor);
  }
  return anchors;
}

/** Rows of the first table below a heading, cells trimmed and without backticks; the header is not among them. */
export function tableBelow(file: string, heading: string): readonly (readonly string[])[] {
  const lines = textOf(file).split("\n");
  const start = lines.findIndex((line) => /^#+ /.test(line) && line.includes(heading));
  if (start < 0) throw new Error(`${file} has no heading ${heading}`);
  const first = lines.findIndex((line, index) => index > start && line.startsWith("|"));
  const end = lines.findIndex((line, index) => index > first && !line.startsWith("|"));
  return lines.slice(first + 2, end).map((line) =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.replaceAll("`", "").trim()),
  );
}
