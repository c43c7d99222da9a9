import { writeFile } from "node:fs/promises";
import { loadavg } from "node:os";
import { parseArgs } from "node:util";
import { floods, slow } from "./attacked.ts";
import { brownout } from "./brownout.ts";
import { overload } from "./overload.ts";
import { reloads } from "./reloads.ts";
import { rolls } from "./rolls.ts";
import { shed } from "./shed.ts";
import { steady } from "./steady.ts";
import { streams, streamsOverHttp2 } from "./streams.ts";
import { toTable, type Figure } from "./figure.ts";

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    minutes: { type: "string", default: "2" },
    reloads: { type: "string", default: "1200" },
    restarts: { type: "string", default: "100" },
    write: { type: "boolean", default: false },
  },
});

const PROGRAMS: Readonly<Record<string, () => Promise<readonly Figure[]>>> = {
  brownout,
  overload,
  shed,
  reloads: () => reloads(Number(values.reloads)),
  rolls: () => rolls(Number(values.restarts)),
  streams,
  "streams-http2": streamsOverHttp2,
  slow,
  floods,
  steady: () => steady(Number(values.minutes)),
};

const [name = ""] = positionals;
const program = PROGRAMS[name];
if (program === undefined) {
  console.error(
    `usage: node test/soak/run.ts ${Object.keys(PROGRAMS).join("|")} [--minutes N] [--reloads N] [--restarts N] [--write]`,
  );
  process.exit(2);
}
const loadBefore = loadavg()[0] ?? 0;
const figures = await program();
const date = new Date().toISOString().slice(0, 16).replace(":", "");
const text = `# ${name} of ${date}\n\nNode ${process.version}, load ${loadBefore.toFixed(2)} before the run.\n\n${toTable(figures)}\n`;
console.log(text);
if (values.write) await writeFile(new URL(`results/${date}-${name}.md`, import.meta.url), text);
process.exit(0);
