import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { toSvg } from "./chart.ts";
import type { Report } from "./report.ts";
import { toMarkdown } from "./table.ts";

/** Writes `<date>T<time>.json`, `.md` and `.svg` and returns their path without the ending. */
export async function writeReport(report: Report, directory: string): Promise<string> {
  await mkdir(directory, { recursive: true });
  const path = join(directory, report.startedAt.slice(0, 16).replace(":", ""));
  await writeFile(`${path}.json`, `${JSON.stringify(report, null, 2)}\n`);
  await writeFile(`${path}.md`, toMarkdown(report));
  await writeFile(`${path}.svg`, toSvg(report));
  return path;
}
