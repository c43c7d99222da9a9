import { writeFile } from "node:fs/promises";
import { loadavg } from "node:os";
import { parseArgs } from "node:util";
import { brownout } from "./brownout.ts";
import { overload } from "./overload.ts";
import { steady } from "./steady.ts";
import { streams } from "./streams.ts";
import { toTable, type Figure } from "./figure.ts";

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { minutes: { type: "string", default: "2" }, write: { type: "boolean", default: false } },
});

const PROGRAMS: Readonly<Record<string, (minutes: number) => Promise<readonly Figure[]>>> = {
  brownout,
  overload,
  steady,
  streams,
};

const [name = ""] = positionals;
const program = PROGRAMS[name];
if (program === undefined) {
  console.error(`usage: node test/soak/run.ts ${Object.keys(PROGRAMS).join("|")} [--minutes N] [--write]`);
  process.exit(2);
}
const loadBefore = loadavg()[0] ?? 0;
const figures = await program(Number(values.minutes));
const date = new Date().toISOString().slice(0, 16).replace(":", "");
const text = `# ${name} of ${date}\n\nNode ${process.version}, load ${loadBefore.toFixed(2)} before the run.\n\n${toTable(figures)}\n`;
console.log(text);
if (values.write) await writeFile(new URL(`results/${date}-${name}.md`, import.meta.url), text);
process.exit(0);
